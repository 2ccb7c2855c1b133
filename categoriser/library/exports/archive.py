"""A ZIP archive that is made as it is sent: no entry is ever in memory as a whole, none is compressed."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, cast

from categoriser.library.exports.sink import Sink

_CHUNK: Final = 1024 * 1024
_FIRST, _LAST = 315532800.0, 4354819198.0  # what the format can say: 1980 to 2107


@dataclass(frozen=True, slots=True)
class Entry:
    """What an archive holds under one name."""

    name: str
    bytes: int
    sha256: str


@dataclass(slots=True)
class Archive:
    """Yields the bytes of an archive as entries are added to it.

    The same entries make the same bytes, which is what lets a broken download go on. What it keeps of an entry is its
    line in the list at the end of the archive, some hundred bytes.
    """

    entries: list[Entry] = field(default_factory=list)
    _sink: Sink = field(default_factory=Sink)
    _zip: zipfile.ZipFile | None = None

    def add(self, name: str, parts: Iterable[bytes], *, at: float = 0.0) -> Iterator[bytes]:
        """Add an entry.

        Args:
            name: its path, with slashes.
            parts: its content.
            at: its time, in seconds since the epoch.
        """
        moment = datetime.fromtimestamp(min(max(at, _FIRST), _LAST), UTC)
        entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
        entry.external_attr = 0o644 << 16
        digest, size = hashlib.sha256(), 0
        with self._open().open(entry, "w", force_zip64=True) as file:
            for part in parts:
                file.write(part)
                digest.update(part)
                size += len(part)
                yield self._sink.take()
        yield self._sink.take()
        self.entries.append(Entry(name, size, digest.hexdigest()))

    def end(self) -> Iterator[bytes]:
        """The list of entries; nothing comes after it."""
        self._open().close()
        yield self._sink.take()

    def _open(self) -> zipfile.ZipFile:
        if self._zip is None:
            self._zip = zipfile.ZipFile(cast("IO[bytes]", self._sink), "w", zipfile.ZIP_STORED)
        return self._zip


def content(path: Path) -> Iterator[bytes]:
    """A file in pieces."""
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            yield part
