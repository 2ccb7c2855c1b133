"""Where a command finds its collection: in a library of this machine, or with ``--url`` in a service.

Commands are written against ``categoriser.cli.reachable``; none asks which of the two it has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from categoriser.cli.options import existing_collection, library_to_fill, read_collection
from categoriser.cli.reachable import Board, Keyring, Reachable, ReachableLibrary
from categoriser.cli.remote import Remote, RemoteBoard, RemoteKeyring, RemoteLibrary
from categoriser.client import Client
from categoriser.library import Library
from categoriser.library.access import Access, KeyInfo, open_access
from categoriser.library.erasing import Erasure, erase, preview_erasure
from categoriser.settings import Settings

_PAGE = 500  # keys

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="CATEGORISER_URL",
        help="Address of a service to ask instead of a library; its key in CATEGORISER_KEY.",
    ),
]


@contextmanager
def looked_at(url: str | None, library: Path, name: str) -> Iterator[Reachable]:
    """A collection to look at."""
    if url:
        with service(url) as client:
            yield RemoteLibrary(client).named(name)
        return
    with read_collection(library, name) as found:
        yield found


@contextmanager
def worked_with(url: str | None, library: Path, name: str, encoder: str | None = None) -> Iterator[Reachable]:
    """A collection to work with."""
    if url:
        with service(url) as client:
            yield RemoteLibrary(client).named(name)
        return
    with existing_collection(library, name, encoder) as found:
        yield found


@contextmanager
def filled(
    url: str | None, library: Path, name: str, encoder: str | None
) -> Iterator[tuple[Reachable, Callable[[], str]]]:
    """A collection to add pictures to, made if need be, and what its encoder does."""
    if url:
        with service(url) as client:
            remote = Remote(client.collection(name))
            yield remote, remote.encoder_summary
        return
    with library_to_fill(library, encoder) as opened:
        target = opened.collection_for_pictures(name)
        yield target, lambda: opened.encoder_of(target.row).summary


@contextmanager
def whole(url: str | None, library: Path, *, resume: bool = False) -> Iterator[ReachableLibrary]:
    """All collections; ``resume``: what waits in a library of this machine is filed meanwhile."""
    if url:
        with service(url) as client:
            yield RemoteLibrary(client)
        return
    with Library.open(library, create=False, resume=resume) as opened:
        yield _Here(opened)


@contextmanager
def board(url: str | None, library: Path, collection: str | None) -> Iterator[Board]:
    """The webhooks of a collection; None: those of many collections."""
    if collection is not None:
        with looked_at(url, library, collection) as found:
            yield found.webhooks
    elif url:
        with service(url) as client:
            yield RemoteBoard(client)
    else:
        with Library.open(library, create=False, resume=False) as opened:
            yield opened.prefix_webhooks


@contextmanager
def keyring(url: str | None, library: Path, *, create: bool = False) -> Iterator[Keyring]:
    """The keys; those of a library of this machine also while a service runs on it. ``create``: also where none is."""
    if url:
        with service(url) as client:
            yield RemoteKeyring(client)
        return
    with open_access(library, Settings.load(), create=create) as access:
        yield _Keys(access)


class _Keys:
    """Those of a library of this machine."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.create = access.create
        self.rotate = access.rotate
        self.revoke = access.revoke
        self.renew_secret = access.renew_secret
        self.trail = access.trail.page

    def all(self) -> Iterator[KeyInfo]:
        after = 0
        while page := self._access.page(after=after, limit=_PAGE):
            yield from page
            after = page[-1].cursor


class _Here:
    """A library of this machine."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.schedule = library.schedule
        self.delete_collection = library.delete_collection

    def collection(self, name: str) -> Reachable:
        return self._library.collection(name, create=False)

    def preview_erasure(self, name: str) -> Erasure:
        return preview_erasure(self._library, name)

    def erase(self, name: str) -> Erasure:
        return erase(self._library, name)


def service(url: str) -> Client:
    """The service at an address."""
    return Client(url, os.environ.get("CATEGORISER_KEY"))
