"""The options that commands share, and how they open a library."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from categoriser.errors import CategoriserError, ConfigurationError, NotFoundError
from categoriser.library import Collection, Library

JSON_WANTED = "json"  # key in the context's ``meta``, so that errors are told in the right form too


def _remember_json(context: typer.Context, value: bool) -> bool:
    context.meta[JSON_WANTED] = value
    return value


LibraryOption = Annotated[
    Path, typer.Option("--library", envvar="CATEGORISER_LIBRARY", help="Folder of the library.", show_default=True)
]
CollectionOption = Annotated[
    str, typer.Option("--collection", help="Name of the collection; COLLECTION//VIEW for one of its views.")
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="A known name, path:FOLDER, onnx:FILE or classic; without it the collection's own or the configured one.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", callback=_remember_json, help="Print one JSON document and nothing else.")
]

LIBRARY = Path("library")
COLLECTION = "default"


@contextmanager
def read_collection(library: Path, name: str) -> Iterator[Collection]:
    """A collection to look at: nothing is made, nothing filed, no encoder opened."""
    refuse_service()
    with Library.open(library, create=False, resume=False) as opened:
        yield named(opened, name)


@contextmanager
def library_to_fill(folder: Path, encoder: str | None = None, *, resume: bool = True) -> Iterator[Library]:
    """A library, made if need be; one that was made here goes again if no collection could be made."""
    new, empty = not folder.exists(), False
    try:
        with Library.open(folder, encoder, resume=resume) as opened:
            try:
                yield opened
            except CategoriserError:
                empty = not opened.collections(limit=1)
                raise
    except CategoriserError:
        if new and empty:
            shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def existing_collection(library: Path, name: str, encoder: str | None = None) -> Iterator[Collection]:
    """A collection to work with."""
    refuse_service()
    with Library.open(library, encoder, create=False) as opened:
        yield named(opened, name)


def named(library: Library, name: str) -> Collection:
    """A collection by its name, or a view as COLLECTION//VIEW; a collection that has that very name comes first.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return library.collection(name, create=False)
    except NotFoundError:
        owner, mark, view = name.partition("//")
        if not mark:
            raise
        return library.collection(owner, create=False).view(view)


def refuse_service() -> None:
    """A command that cannot ask a service must not quietly answer from another place."""
    if os.environ.get("CATEGORISER_URL"):
        raise ConfigurationError(
            "CATEGORISER_URL is set, and this command works on a library of this machine only; unset it, or ask the "
            "service over HTTP."
        )
