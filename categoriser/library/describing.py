"""The full view: every picture is described under the view's criterion, once, at a cost that is known before."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from categoriser.catalog import images, views
from categoriser.domain import Refused
from categoriser.encoders.hub import find_model
from categoriser.errors import CategoriserError, ConfigurationError
from categoriser.library.view import View
from categoriser.naming.blip import require_blip
from categoriser.naming.blip_answers import HUB_NAME, BlipAnswers
from categoriser.state import Storage

_QUESTIONS = "blip"
Progress = Callable[[int, int], None]

_PAGE = 200
_TOGETHER = 16  # descriptions filed at a time
_PROMPT = (
    "Describe this picture with regard to one thing only: {criterion}. Answer in one short English sentence that "
    "names it. If it cannot be seen, answer: uncertain."
)
_UNCERTAIN = ("uncertain", "unknown", "none", "n/a")


class DescriberFailedError(CategoriserError):
    """A picture could not be described; it may be tried again."""


class Describer(Protocol):
    """Describes one picture under a criterion."""

    name: str
    """Who describes: pictures described by another one are described anew."""
    cost: float
    """Of one description, in whatever currency the caller counts; 0 where it costs time only."""

    def describe(self, image: bytes, criterion: str) -> str:
        """A sentence about the picture, given as the bytes of a JPEG.

        Raises:
            DescriberFailedError: not now, or not this one.
        """
        ...


class EndpointDescriber:
    """Any endpoint that speaks the chat protocol of OpenAI and sees pictures."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        cost: float = 0.0,
        seconds: float = 60.0,
        attempts: int = 4,
    ) -> None:
        """``url``: up to and with ``/v1``; ``seconds``: limit of one answer; ``attempts``: for busy and silent ones."""
        self.name = f"{model}@{url.rstrip('/')}"
        self.cost = cost
        self._model = model
        self._attempts = attempts
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=seconds)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def describe(self, image: bytes, criterion: str) -> str:
        """See ``Describer.describe``."""
        shown = {"url": "data:image/jpeg;base64," + base64.b64encode(image).decode()}
        parts = [
            {"type": "text", "text": _PROMPT.format(criterion=criterion)},
            {"type": "image_url", "image_url": shown},
        ]
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": parts}],
            "max_tokens": 80,
            "temperature": 0,
        }
        trying = Retrying(
            retry=retry_if_exception_type(_BusyError),
            stop=stop_after_attempt(self._attempts),
            wait=wait_exponential(multiplier=0.5, max=20),
            reraise=True,
        )
        try:
            answer = trying(self._ask, body)
            text = answer["choices"][0]["message"]["content"]
        except (_BusyError, httpx.HTTPError) as error:
            raise DescriberFailedError(f"{self.name} gave no description: {error}.") from None
        except (ValueError, KeyError, IndexError, TypeError):
            raise DescriberFailedError(f"{self.name} answered something that is no chat completion.") from None
        if not isinstance(text, str) or not text.strip():
            raise DescriberFailedError(f"{self.name} answered without a word.")
        return " ".join(text.split())

    def _ask(self, body: Mapping[str, Any]) -> Any:
        try:
            answer = self._client.post("chat/completions", json=body)
        except httpx.TransportError as error:
            raise _BusyError(str(error) or type(error).__name__) from None
        if answer.status_code in {408, 429} or answer.status_code >= 500:
            raise _BusyError(f"status {answer.status_code}")
        answer.raise_for_status()
        return answer.json()


class _BusyError(Exception):
    """Worth another attempt."""


def blip_describer(spec: str = _QUESTIONS, *, offline: bool = False) -> BlipAnswers:
    """BLIP for questions on this machine, from the hub or of a folder.

    Args:
        spec: ``blip``, or ``blip:FOLDER``.
        offline: never ask the hub.

    Raises:
        ConfigurationError: it is neither.
        MissingExtraError: torch or transformers is not installed.
        MissingWeightsError: the weights are not to be had.
    """
    kind, _, folder = spec.partition(":")
    if kind != _QUESTIONS:
        raise ConfigurationError(f"{spec!r} describes no pictures: use blip, blip:FOLDER, or an endpoint.")
    require_blip()
    weights = Path(folder).expanduser() if folder else None
    return BlipAnswers(find_model(HUB_NAME, "main", weights=weights, offline=offline))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What describing would take. ``seconds`` is None before one picture was timed."""

    pictures: int
    described: int
    missing: int
    cost: float
    seconds: float | None

    def __str__(self) -> str:
        time_needed = "" if self.seconds is None else f", about {self.seconds:,.0f} s"
        price = f", at a cost of {self.cost:,.2f}" if self.cost else ""
        return f"{self.missing:,} of {self.pictures:,} pictures are to be described{price}{time_needed}."


@dataclass(slots=True)
class DescribeReport:
    """What became of one call. ``left`` pictures have no description yet; ``capped``: only because of the cap."""

    described: int = 0
    known: int = 0
    left: int = 0
    capped: bool = False
    cost: float = 0.0
    seconds: float = 0.0
    failed: list[Refused] = field(default_factory=list)

    def __str__(self) -> str:
        stopped = f" The cap was reached; {self.left:,} are left." if self.capped else ""
        return (
            f"{self.described:,} pictures described, {self.known:,} known before, {len(self.failed):,} failed.{stopped}"
        )


def estimate(view: View, describer: Describer, *, time_one: bool = False) -> Estimate:
    """What describing all pictures of a view's collection would take; nothing is spent.

    With ``time_one`` one picture is described and timed; it counts as described.
    """
    pictures, missing = _counted(view, describer)
    seconds = None
    if time_one and missing:
        done = describe(view, describer, cap=1)
        seconds = done.seconds * (missing - done.described)
        pictures, missing = _counted(view, describer)
    return Estimate(pictures, pictures - missing, missing, missing * describer.cost, seconds)


def describe(
    view: View, describer: Describer, *, cap: int | None = None, progress: Progress | None = None
) -> DescribeReport:
    """Describe the pictures that have no description yet and file them in the view.

    Every description is kept, by the picture's content, before the next one is asked for: whenever this is stopped, it
    goes on where it was, and nothing is described twice.

    Args:
        view: of a collection of pictures.
        describer: who describes.
        cap: most pictures to describe; those whose description is known do not count.
        progress: called with the number done and of all.

    Raises:
        ConfigurationError: the view has no criterion, or no pictures.
    """
    started = time.perf_counter()
    report, question = DescribeReport(), _question(view, describer)
    storage, parent = view.storage, view.parent.id
    total, _ = _counted(view, describer)
    waiting: dict[str, str] = {}
    done = 0
    for image_id, sha256, stored in _pictures(view):
        done += 1
        text = _known(storage, parent, question, sha256)
        if text is not None:
            report.known += 1
        elif cap is not None and report.described + len(report.failed) >= cap:
            report.left += 1
            report.capped = True
            continue
        else:
            text = describe_one(view, describer, question, image_id, sha256, stored, report)
        if text is not None:
            waiting[image_id] = text
        if len(waiting) >= _TOGETHER:
            file_described(view, waiting)
        if progress is not None:
            progress(done, total)
    file_described(view, waiting)
    report.left += len(report.failed)
    report.seconds = time.perf_counter() - started
    return report


def describe_one(
    view: View,
    describer: Describer,
    question: str,
    image_id: str,
    sha256: str,
    thumbnail: Path,
    report: DescribeReport,
) -> str | None:
    """Describe one picture and keep the text; what went wrong is added to the report and answered with None."""
    try:
        text = describer.describe(thumbnail.read_bytes(), view.criterion)
    except (CategoriserError, OSError) as error:
        report.failed.append(Refused(image_id, str(error)))
        return None
    report.described += 1
    report.cost += describer.cost
    with view.storage.database.write() as connection:
        views.keep_description(connection, view.parent.id, question, sha256, text)
    return text


def file_described(view: View, waiting: dict[str, str]) -> None:
    """File image id → text in a view, and empty the mapping."""
    certain = {one: text for one, text in waiting.items() if text.strip(" .!").casefold() not in _UNCERTAIN}
    view.add_texts({one: certain.get(one, "uncertain") for one in waiting})
    waiting.clear()


def _pictures(view: View) -> Iterator[tuple[str, str, Path]]:
    """Image id, content and thumbnail of the pictures of a view's collection, in order of arrival."""
    after = -1
    while True:
        with view.storage.database.read() as connection:
            page = images.page(connection, view.parent.id, after=after, limit=_PAGE)
        if not page:
            return
        for one in page:
            if one["sha256"]:
                yield one["image_id"], one["sha256"], view.storage.media.thumbnail(view.parent.key, one["sha256"])
        after = page[-1]["row"]


def _counted(view: View, describer: Describer) -> tuple[int, int]:
    question = _question(view, describer)
    contents = [sha256 for _, sha256, _ in _pictures(view)]
    if not contents:
        raise ConfigurationError(f"Collection {view.parent.name!r} has no pictures to describe.")
    known = _all_known(view, question, contents)
    return len(contents), len(dict.fromkeys(contents)) - len(known)


def _all_known(view: View, question: str, contents: Sequence[str]) -> Mapping[str, str]:
    with view.storage.database.read() as connection:
        return views.described(connection, view.parent.id, question, contents)


def _known(storage: Storage, parent_id: int, question: str, sha256: str) -> str | None:
    with storage.database.read() as connection:
        return views.described(connection, parent_id, question, [sha256]).get(sha256)


def _question(view: View, describer: Describer) -> str:
    """Digest of who is asked what: with another criterion or describer a picture is described anew."""
    if not view.criterion:
        raise ConfigurationError(f"View {view.name!r} has no criterion: make one that says what is to be described.")
    return question_of(view.criterion, describer)


def question_of(criterion: str, describer: Describer) -> str:
    """Digest of who is asked what about a picture: descriptions are kept under it."""
    return hashlib.sha256(f"{describer.name}\0{criterion}\0{_PROMPT}".encode()).hexdigest()
