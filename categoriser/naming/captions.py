"""What exemplars show, in sentences: described once per picture, and names from phrases that neighbours lack."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from categoriser.errors import NamingError
from categoriser.naming.evidence import Case, Evidence, Picture, Proposal
from categoriser.naming.phrases import key_phrases

_log = logging.getLogger(__name__)
_LONGEST: Final = 400  # letters of a caption that are kept
_SHOWN: Final = 4  # captions kept as evidence


class Captioner(Protocol):
    """Describes pictures in a sentence each."""

    id: str
    """Identity of model and prompt: captions are kept under it."""

    def describe(self, pictures: Sequence[bytes]) -> Sequence[str]:
        """Encoded pictures → one sentence each.

        Raises:
            NamingError: it cannot work at the moment.
        """
        ...


class CaptionStore(Protocol):
    """Keeps captions by the content of the picture."""

    def get(self, sha256: str, captioner: str) -> str | None:
        """The caption, if there is one."""
        ...

    def put(self, sha256: str, captioner: str, caption: str) -> None:
        """Keep a caption."""
        ...


class NoCaptions:
    """Forgets at once."""

    def get(self, sha256: str, captioner: str) -> str | None:
        """Never there."""
        return None

    def put(self, sha256: str, captioner: str, caption: str) -> None:
        """Not kept."""


class FolderCaptions:
    """One small JSON file per picture: captioner → caption."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, sha256: str, captioner: str) -> str | None:
        """The caption, if there is one."""
        caption = self._read(sha256).get(captioner)
        return caption if isinstance(caption, str) else None

    def put(self, sha256: str, captioner: str, caption: str) -> None:
        """Keep a caption; a full disk only costs the time to make it again."""
        file = self._file(sha256)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(self._read(sha256) | {captioner: caption}), encoding="utf-8")
            draft.replace(file)
        except OSError as error:
            _log.warning("a caption could not be kept in %s: %s", file, error.strerror)

    def has_any(self, sha256: str) -> bool:
        """Whether any captioner described it."""
        return bool(self._read(sha256))

    def _read(self, sha256: str) -> dict[str, object]:
        try:
            told = json.loads(self._file(sha256).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _file(self, sha256: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{8,64}", sha256):
            raise ValueError(f"{sha256[:80]!r} is no digest")
        return self._folder / sha256[:2] / f"{sha256}.json"


class Describer:
    """Texts about a category's exemplars: what their owner wrote, else a caption. Nothing is described twice."""

    def __init__(self, captioner: Captioner | None, store: CaptionStore | None = None, pictures: int = 8) -> None:
        self._captioner = captioner
        self._store = store or NoCaptions()
        self._pictures = pictures
        self.described = 0  # pictures that the captioner was given

    @property
    def id(self) -> str:
        """Of the model that describes."""
        return "given" if self._captioner is None else self._captioner.id

    def texts(self, one: Evidence) -> list[str]:
        """Texts about a category's exemplars; describes what was not described before.

        Raises:
            NamingError: the captioner cannot work at the moment.
        """
        pictures = list(one.pictures[: self._pictures])
        texts = [self.text_of(picture) for picture in pictures]
        wanted = [place for place, text in enumerate(texts) if text is None]
        data = {place: bytes_ for place in wanted if (bytes_ := pictures[place].read())}
        if data and self._captioner is not None:
            self.described += len(data)
            captions = self._captioner.describe(list(data.values()))
            if len(captions) != len(data):
                raise NamingError(f"{self._captioner.id} described {len(captions)} of {len(data)} pictures.")
            for place, caption in zip(data, captions, strict=True):
                clean = " ".join(caption.split())[:_LONGEST]
                texts[place] = clean
                digest = pictures[place].sha256
                if clean and digest:
                    self._store.put(digest, self._captioner.id, clean)
        return [text for text in texts if text]

    def known(self, one: Evidence) -> list[str]:
        """What is there already; costs nothing."""
        texts = [self.text_of(picture) for picture in one.pictures[: self._pictures]]
        return [text for text in texts if text]

    def around(self, case: Case) -> list[list[str]]:
        """Texts about each neighbour: described if it gets a name in this session as well, else what is there."""
        return [self.texts(one) if one.number in case.wanting else self.known(one) for one in case.neighbours]

    def text_of(self, picture: Picture) -> str | None:
        """What is there already about one picture."""
        if picture.text:
            return picture.text[:_LONGEST]
        if self._captioner is None or not picture.sha256:
            return None
        return self._store.get(picture.sha256, self._captioner.id)


class CaptionPhrases:
    """Names from the phrases that a category's texts have and its neighbours' have not."""

    id = "captions"
    attempts = 6

    def __init__(self, describer: Describer) -> None:
        self._describer = describer
        self.fingerprint = f"captions:{describer.id}"

    def propose(self, case: Case) -> Proposal | None:
        """The best phrase that is neither taken nor refused."""
        texts = self._describer.texts(case.subject)
        if not texts:
            return None
        phrases = key_phrases(texts, self._describer.around(case))
        told = {"phrases": [list(one) for one in phrases], "captions": texts[:_SHOWN]}
        for phrase, _ in phrases:
            name = case.style.dressed(phrase)
            if not case.spoilt(name) and case.style.objection(name) is None:
                return Proposal(name, self.id, told, model=self._describer.id)
        return None
