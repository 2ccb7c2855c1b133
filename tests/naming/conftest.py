"""A small joint space that behaves like a real one, categories in it, and a chat server that can misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from categoriser.naming import Case, Evidence, Picture, Style, Survey

DIMENSION = 64


def direction(word: str) -> np.ndarray:
    """The same unit vector for a word every time."""
    seed = int.from_bytes(sha256(word.encode()).digest()[:4], "big")
    vector = np.random.default_rng(seed).normal(size=DIMENSION)
    return vector / np.linalg.norm(vector)


class WordEncoder:
    """Texts lie where their words do, in a cone of their own; pictures near them in another cone (a modality gap)."""

    id = "words-64"

    def __init__(self) -> None:
        self.texts = 0

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors."""
        self.texts += len(texts)
        return np.stack([self._one(text) for text in texts]).astype(np.float32)

    def _one(self, text: str) -> np.ndarray:
        subject = text.removeprefix("a photo of ").removeprefix("a ").casefold()
        vector = 2 * direction("the cone of texts") + sum(direction(part) for part in subject.split(" & "))
        return vector / np.linalg.norm(vector)


def pictures_of(word: str, number: int, *, kind: str | None = None, noise: float = 0.6, seed: int = 0) -> np.ndarray:
    """Unit vectors of pictures that show a word, and a little of what it is a kind of."""
    rng = np.random.default_rng(seed)
    middle = 2 * direction("the cone of pictures") + direction(word) + (0.6 * direction(kind) if kind else 0)
    spread = noise * rng.normal(size=(number, DIMENSION)) / np.sqrt(DIMENSION)
    vectors = middle + spread
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def category(number: int, vectors: np.ndarray, pictures: Sequence[Picture] = (), label: str | None = None) -> Evidence:
    """A category of these pictures."""
    middle = vectors.mean(axis=0)
    return Evidence(
        number,
        len(vectors),
        (middle / np.linalg.norm(middle)).astype(np.float32),
        vectors,
        pictures,
        label,
    )


def case(
    survey: Survey,
    number: int,
    taken: dict[str, int] | None = None,
    style: Style | None = None,
    wanting: Sequence[int] = (),
) -> Case:
    """One category of a survey under naming."""
    return Case(survey.evidence[survey.place(number)], survey, style or Style(), taken or {}, frozenset(wanting))


def flat(colour: tuple[int, int, int], *, middle: tuple[int, int, int] | None = None) -> bytes:
    """A picture of one colour, with another one in the middle."""
    picture = Image.new("RGB", (60, 60), colour)
    if middle is not None:
        picture.paste(middle, (18, 6, 42, 54))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def shown(number: int, data: bytes, text: str | None = None) -> Picture:
    """An exemplar."""
    return Picture(f"p{number}", sha256(data).hexdigest(), lambda: data, text)


@dataclass
class ChatServer:
    """A server on this machine; ``answer`` gives status, headers and body for each request."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]] = lambda _: (200, {}, said("{}"))
    delay: float = 0.0

    def says(self, *texts: str) -> None:
        """Answer with these texts, the last one for ever."""
        left = list(texts)
        self.answer = lambda _: (200, {}, said(left.pop(0) if len(left) > 1 else left[0]))


def said(text: str | None) -> bytes:
    """A chat completion."""
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.requests.append(body)
            state.headers.append(dict(self.headers))
            time.sleep(state.delay)
            status, headers, data = state.answer(body)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # whoever asked has given up

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield state
    server.shutdown()
    server.server_close()
