"""What is added, cut into requests of a size that a service likes, and what became of all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from categoriser.api.models.base import ErrorDetail
from categoriser.api.models.uploads import MOST_IMAGES, UploadReport, UploadResult
from categoriser.client import calls
from categoriser.client.description import Call
from categoriser.errors import CategoriserError, RejectedError
from categoriser.intake import Item, from_path, read

REQUESTS: Final = 4  # at a time
_FILES: Final = 8  # per request: more are no faster
_BYTES: Final = 32 * 1024 * 1024  # per request, unless one file alone has more

Source: TypeAlias = str | Path | bytes | tuple[str, bytes] | Item


@dataclass(slots=True)
class Batch:
    """One request; or, without a call, inputs that cannot even be read."""

    names: list[str]
    call: Call[UploadReport] | None = None
    problem: str = ""

    def failed(self, error: CategoriserError) -> list[UploadResult]:
        """What is said of each input when the request as a whole was refused."""
        return [_refused(name, str(error)) for name in self.names]

    def unread(self) -> list[UploadResult]:
        """What is said of inputs that cannot be read."""
        return [_refused(name, self.problem) for name in self.names]


@dataclass(slots=True)
class Added:
    """What became of every input: filed + known + refused = all."""

    results: list[UploadResult] = field(default_factory=list)

    def count(self, status: str) -> int:
        """How many there are of "filed", "known" or "refused"."""
        return sum(one.status == status for one in self.results)

    @property
    def filed(self) -> int:
        """Pictures that are new."""
        return self.count("filed")

    @property
    def known(self) -> int:
        """Pictures that were there before."""
        return self.count("known")

    @property
    def refused(self) -> list[UploadResult]:
        """Inputs that could not be filed."""
        return [one for one in self.results if one.status == "refused"]


def items_of(source: Source | Iterable[Source], **options: Any) -> Iterable[Item]:
    """Single inputs of a file, a folder, a table, a URL, bytes, or several of these.

    Raises:
        ConfigurationError: there is no such file or column.
    """
    if isinstance(source, Item):
        return [source]
    if isinstance(source, bytes):
        return [Item("upload", data=source)]
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[1], bytes):
        return [Item(str(source[0]), data=source[1])]
    if isinstance(source, str) and "://" in source:
        return [Item(source, url=source)]
    if isinstance(source, str | Path):
        return from_path(Path(source).expanduser().absolute(), **options)
    return (item for one in source for item in items_of(one))


def batches(collection: str, items: Iterable[Item]) -> Iterator[Batch]:
    """The requests that add these inputs, in their order; files are read as they are asked for."""
    files: list[tuple[Item, bytes]] = []
    urls: list[Item] = []
    size = 0
    for item in items:
        if item.url is not None:
            urls.append(item)
            if len(urls) == min(MOST_IMAGES, _FILES):
                yield _of_urls(collection, urls)
                urls = []
            continue
        try:
            data = read(item)
        except RejectedError as error:
            yield Batch([_name(item)], problem=str(error))
            continue
        if files and (len(files) == _FILES or size + len(data) > _BYTES):
            yield _of_files(collection, files)
            files, size = [], 0
        files.append((item, data))
        size += len(data)
    if files:
        yield _of_files(collection, files)
    if urls:
        yield _of_urls(collection, urls)


def _of_files(collection: str, files: Sequence[tuple[Item, bytes]]) -> Batch:
    pictures = [(item.name, data) for item, data in files]
    items = [item for item, _ in files]
    return Batch([_name(item) for item in items], calls.upload(collection, pictures, **_facts(items)))


def _of_urls(collection: str, items: Sequence[Item]) -> Batch:
    urls = [str(item.url) for item in items]
    return Batch([_name(item) for item in items], calls.upload_urls(collection, urls, **_facts(items)))


def _facts(items: Sequence[Item]) -> dict[str, Any]:
    ids = [item.image_id for item in items]
    metadata: list[Mapping[str, Any]] = [item.metadata for item in items]
    return {"ids": ids if any(ids) else None, "metadata": metadata if any(metadata) else None}


def _name(item: Item) -> str:
    return str(item.source or item.name)


def _refused(name: str, reason: str) -> UploadResult:
    return UploadResult(name=name, status="refused", error=ErrorDetail(code="rejected", message=reason))
