"""What is added, cut into requests of a size that a service likes, and what became of all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from categoriser.api.models.base import ErrorDetail
from categoriser.api.models.uploads import MOST_IMAGES, UploadAccepted, UploadResult
from categoriser.client.areas import CollectionCalls
from categoriser.client.areas.uploading import Uploading
from categoriser.client.description import Call
from categoriser.client.failures import ServiceError
from categoriser.errors import CategoriserError, RejectedError
from categoriser.intake import Item, from_path, read

REQUESTS: Final = 4  # at a time
_FILES: Final = 8  # per request: more are no faster
_BYTES: Final = 32 * 1024 * 1024  # per request, unless one file alone has more

One = TypeVar("One")
Source: TypeAlias = str | Path | bytes | tuple[str, bytes] | Item


@dataclass(slots=True)
class Batch(Generic[One]):
    """One request; or, without a call, inputs that cannot even be read. ``refused``: what is said of such."""

    names: list[str]
    refused: Callable[[str, str], One]
    call: Call[list[One]] | None = None
    problem: str = ""

    def failed(self, error: CategoriserError) -> list[One]:
        """What is said of each input when the request as a whole was refused."""
        return [self.refused(name, str(error)) for name in self.names]

    def unread(self) -> list[One]:
        """What is said of inputs that cannot be read."""
        return [self.refused(name, self.problem) for name in self.names]


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


@dataclass(slots=True)
class Promised:
    """What became of an input that is not waited for. ``upload_id``: ask with it; None where it was refused."""

    name: str
    status: Literal["waiting", "refused"]
    image_id: str | None = None
    upload_id: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Left:
    """What became of every input: waiting + refused = all."""

    results: list[Promised] = field(default_factory=list)

    @property
    def uploads(self) -> list[str]:
        """Ids of the uploads, to wait for."""
        return list(dict.fromkeys(one.upload_id for one in self.results if one.upload_id is not None))

    @property
    def waiting(self) -> int:
        """Pictures that will be filed, or listed as failed."""
        return sum(one.status == "waiting" for one in self.results)

    @property
    def refused(self) -> list[Promised]:
        """Inputs that were not taken."""
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


def to_add(place: CollectionCalls, items: Iterable[Item]) -> Iterator[Batch[UploadResult]]:
    """The requests that add these inputs and wait for their categories, in their order."""
    files, urls = Uploading.upload.describe, Uploading.upload_urls.describe
    return _batches(
        items,
        lambda pictures, facts: files(place, pictures, **facts).then(lambda report: report.results),
        lambda addresses, facts: urls(place, addresses, **facts).then(lambda report: report.results),
        _refused,
    )


def to_leave(place: CollectionCalls, items: Iterable[Item]) -> Iterator[Batch[Promised]]:
    """The requests that hand these inputs in and wait for nothing, in their order."""
    files, urls = Uploading.hand_in.describe, Uploading.hand_in_urls.describe
    return _batches(
        items,
        lambda pictures, facts: files(place, pictures, **facts).then(_promised),
        lambda addresses, facts: urls(place, addresses, **facts).then(_promised),
        lambda name, reason: Promised(name, "refused", reason=reason),
    )


def overdue(upload_id: str, waiting: int, timeout: float) -> ServiceError:
    """That an upload was not done in time."""
    return ServiceError(
        f"Upload {upload_id} still had {waiting} waiting pictures after {timeout:.0f} s; ask upload_state later on."
    )


@dataclass(slots=True)
class _Piece:
    """Inputs of one request. ``contents``: of files; None: they are addresses, or cannot be read."""

    items: list[Item]
    contents: list[bytes] | None = None
    problem: str = ""


def _batches(
    items: Iterable[Item],
    of_files: Callable[[list[tuple[str, bytes]], dict[str, Any]], Call[list[One]]],
    of_urls: Callable[[list[str], dict[str, Any]], Call[list[One]]],
    refused: Callable[[str, str], One],
) -> Iterator[Batch[One]]:
    for piece in _pieces(items):
        names, facts = [_name(item) for item in piece.items], _facts(piece.items)
        if piece.problem:
            yield Batch(names, refused, problem=piece.problem)
        elif piece.contents is None:
            yield Batch(names, refused, of_urls([str(item.url) for item in piece.items], facts))
        else:
            pictures = [(item.name, data) for item, data in zip(piece.items, piece.contents, strict=True)]
            yield Batch(names, refused, of_files(pictures, facts))


def _pieces(items: Iterable[Item]) -> Iterator[_Piece]:
    """Files are read as they are asked for."""
    files, contents, urls = list[Item](), list[bytes](), list[Item]()
    for item in items:
        if item.url is not None:
            urls.append(item)
            if len(urls) == min(MOST_IMAGES, _FILES):
                yield _Piece(urls)
                urls = []
            continue
        try:
            data = read(item)
        except RejectedError as error:
            yield _Piece([item], problem=str(error))
            continue
        if files and (len(files) == _FILES or sum(map(len, contents)) + len(data) > _BYTES):
            yield _Piece(files, contents)
            files, contents = [], []
        files.append(item)
        contents.append(data)
    if files:
        yield _Piece(files, contents)
    if urls:
        yield _Piece(urls)


def _promised(accepted: UploadAccepted) -> list[Promised]:
    return [
        Promised(
            one.name,
            one.status,
            one.image_id,
            accepted.upload_id if one.status == "waiting" else None,
            None if one.error is None else one.error.message,
        )
        for one in accepted.results
    ]


def _facts(items: Sequence[Item]) -> dict[str, Any]:
    ids = [item.image_id for item in items]
    metadata: list[Mapping[str, Any]] = [item.metadata for item in items]
    return {"ids": ids if any(ids) else None, "metadata": metadata if any(metadata) else None}


def _name(item: Item) -> str:
    return str(item.source or item.name)


def _refused(name: str, reason: str) -> UploadResult:
    return UploadResult(name=name, status="refused", error=ErrorDetail(code="rejected", message=reason))
