"""Is everything there and do all counts agree? Every problem is a sentence that says what to do."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Final

from categoriser.catalog import collections, inbox, outbox, taxonomy, views
from categoriser.catalog.collections import CollectionRow
from categoriser.encoders import open_encoder, takes_ready_vectors
from categoriser.encoders.texts import TERMS
from categoriser.errors import CategoriserError
from categoriser.library.library import Library

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "clip": ("torch", "transformers", "sentence_transformers"),
    "server": ("qdrant_client", "psycopg", "procrastinate"),
    "llm": ("llama_cpp",),
}
_REPORTED: Final = ("categoriser", "numpy", "qdrant-edge-py", "sqlalchemy", "pillow", "onnxruntime", "torch")
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed: versions by distribution, and whether each extra is complete."""

    python: str
    versions: Mapping[str, str]
    extras: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class EncoderHealth:
    """Whether an encoder opens, and what it is. ``problem``: why it does not."""

    spec: str
    id: str | None = None
    device: str | None = None
    summary: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CollectionHealth:
    """The counts of one collection; the first three must be equal."""

    name: str
    encoder: str
    images: int  # in SQL
    vectors: int | None  # in the vector store; None: it cannot be read
    in_micro_clusters: int  # as the micro-clusters count them
    waiting: int  # accepted, not yet filed
    failed: int  # accepted, and cannot be filed
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class LibraryHealth:
    """The state of a whole library."""

    collections: list[CollectionHealth] = field(default_factory=list)
    undelivered: int = 0  # orders that the vector store does not have on disk

    @property
    def problems(self) -> list[str]:
        """What is wrong, a sentence each."""
        found = [problem for collection in self.collections for problem in collection.problems]
        if self.undelivered:
            found.append(
                f"{self.undelivered} changes have not reached the vector store; they are repeated whenever the library "
                "is opened, so if they stay, look for disk errors in the log."
            )
        return found


def check_environment() -> Environment:
    """Versions and extras of this installation."""
    return Environment(
        python=platform.python_version(),
        versions={name: version for name in _REPORTED if (version := _version(name)) is not None},
        extras={
            extra: all(importlib.util.find_spec(module) is not None for module in modules)
            for extra, modules in EXTRAS.items()
        },
    )


def check_encoder(spec: str, *, device: str | None = None, offline: bool = False) -> EncoderHealth:
    """Open an encoder as a collection would."""
    try:
        encoder = open_encoder(spec, device=device, offline=offline)
    except CategoriserError as error:
        return EncoderHealth(spec, problem=str(error))
    return EncoderHealth(spec, encoder.id, encoder.device, encoder.summary)


def check_library(library: Library) -> LibraryHealth:
    """Compare what SQL, the vector store and the micro-clusters say; reads counts, not pictures."""
    health = LibraryHealth([_check(library, row) for row in every_collection(library)])
    with library.storage.database.read() as connection:
        health.undelivered = len(outbox.unfinished(connection, limit=1_000_000))
    return health


def encoder_specs(library: Library) -> list[str]:
    """The encoders that the collections of a library need, each once."""
    return sorted(
        {row.encoder_spec for row in every_collection(library)} - {TERMS}
    )  # terms have their vectors with them


def _check(library: Library, row: CollectionRow) -> CollectionHealth:
    with library.storage.database.read() as connection:
        counted, stated = taxonomy.counted(connection, row.id), taxonomy.stated(connection, row.id)
        waiting = inbox.waiting(connection, row.id)
        failed = sum(1 for _ in _pages_of_failures(library, row))
    images = sum(counted.values())
    vectors, unreadable = _count_vectors(library, row)
    return CollectionHealth(
        name=row.name,
        encoder=row.encoder_spec,
        images=images,
        vectors=vectors,
        in_micro_clusters=sum(stated.values()),
        waiting=waiting,
        failed=failed,
        problems=tuple(_problems(row, images, vectors, unreadable, waiting, miscounted=counted != stated)),
    )


def _problems(
    row: CollectionRow, images: int, vectors: int | None, unreadable: str, waiting: int, *, miscounted: bool
) -> Iterable[str]:
    if vectors is None:
        yield f"The vectors of collection {row.name!r} cannot be read ({unreadable}); restore the folder from a backup."
    elif vectors < images:
        yield (
            f"The vector store lacks {images - vectors} of {images} vectors of collection {row.name!r}; "
            "`categoriser doctor --repair` shows what can be done."
        )
    elif vectors > images:
        yield (
            f"The vector store has {vectors - images} vectors of collection {row.name!r} that no image belongs to and "
            "that are never shown; `categoriser doctor --repair` shows what can be done."
        )
    if miscounted:
        yield (
            f"Sizes of categories in collection {row.name!r} disagree with its images, of which none is lost; "
            "`categoriser doctor --repair` shows what can be done."
        )
    if waiting and takes_ready_vectors(row.encoder_id):
        yield (
            f"{waiting} pictures of collection {row.name!r} can never be filed, since it takes ready vectors; the next "
            "`categoriser add` or `categoriser serve` lists them under `categoriser failed`. Add them to another one."
        )
    elif waiting:
        yield (
            f"{waiting} accepted pictures of collection {row.name!r} wait to be filed; `categoriser add` and "
            "`categoriser serve` file them first thing."
        )


def _count_vectors(library: Library, row: CollectionRow) -> tuple[int | None, str]:
    try:
        return library.storage.store(row).count(row.key), ""
    except Exception as error:  # a damaged store raises whatever it likes, and a check has to go on
        return None, str(error)


def _pages_of_failures(library: Library, row: CollectionRow) -> Iterator[int]:
    last = 0
    while True:
        with library.storage.database.read() as connection:
            page = inbox.failed(connection, row.id, after=last, limit=_PAGE)
        yield from (entry["id"] for entry in page)
        if len(page) < _PAGE:
            return
        last = page[-1]["id"]


def every_collection(library: Library) -> Iterator[CollectionRow]:
    """All collections by name, each followed by its views; read page by page."""
    last = ""
    while True:
        with library.storage.database.read() as connection:
            page = collections.page(connection, after=last, limit=_PAGE)
            of = {row.id: views.of_collection(connection, row.key) for row in page}
        for row in page:
            yield row
            yield from (replace(view, name=f"{row.name}//{views.shown_name(view.name)}") for view in of[row.id])
        if len(page) < _PAGE:
            return
        last = page[-1].name


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
