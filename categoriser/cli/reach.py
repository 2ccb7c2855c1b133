"""Where a command finds its collection: in a library of this machine, or with ``--url`` in a service.

Commands are written against ``Reachable``, which a collection of either kind satisfies; none asks which it has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from categoriser.cli.options import existing_collection, library_to_fill, read_collection
from categoriser.cli.remote import Remote
from categoriser.client import Client
from categoriser.domain import (
    Category,
    Event,
    Failure,
    Group,
    Image,
    NamingReport,
    RunReport,
    WhyName,
)
from categoriser.library import AddReport, SearchQuery
from categoriser.library.adding import Progress
from categoriser.library.exporting import FileStyle, Style
from categoriser.library.exports import ExportReport
from categoriser.library.finding import SearchPage
from categoriser.library.webhooks import Delivery, NewWebhook, Webhook

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="CATEGORISER_URL",
        help="Address of a service to ask instead of a library; its key in CATEGORISER_KEY.",
    ),
]


class Board(Protocol):
    """Who is told of events."""

    def add(self, url: str, *, types: Sequence[str] = ()) -> NewWebhook: ...
    def list(self, *, after: str = "", limit: int = 100) -> Sequence[Webhook]: ...
    def change(self, webhook: str, *, enabled: bool | None = None) -> Webhook: ...
    def remove(self, webhook: str) -> None: ...
    def rotate(self, webhook: str, *, overlap_hours: float = 24.0) -> NewWebhook: ...
    def replay(self, webhook: str, after: int) -> Webhook: ...
    def ping(self, webhook: str) -> Delivery: ...
    def deliveries(self, webhook: str, *, before: int | None = None, limit: int = 100) -> Sequence[Delivery]: ...


class Reachable(Protocol):
    """A collection, wherever it is. What each call means: ``categoriser.library.Collection``."""

    name: str

    @property
    def webhooks(self) -> Board: ...
    def __len__(self) -> int: ...
    def unsorted(self) -> int: ...
    def categories(self, *, group: str | None = None, limit: int | None = None) -> Sequence[Category]: ...
    def groups(self) -> Sequence[Group]: ...
    def images(self, *, category: str | None = None, after: str | None = None, limit: int = 100) -> Sequence[Image]: ...
    def image(self, image_id: str, *, tags: bool = False) -> Image: ...
    def failed(self, *, after: int = 0, limit: int = 100) -> Sequence[Failure]: ...
    def events_and_next(
        self, *, after: int = 0, types: Sequence[str] = (), limit: int = 100
    ) -> tuple[Sequence[Event], int]: ...
    def search_page(self, query: SearchQuery) -> SearchPage: ...
    def run(self) -> RunReport: ...
    def name_categories(self) -> NamingReport: ...
    def why_name(self, category: str) -> WhyName: ...
    def export(
        self,
        target: str | Path,
        style: Style | None = None,
        *,
        files: FileStyle = "link",
        tags: bool = False,
        nested: bool = False,
        selection: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> ExportReport: ...
    def save_everything(self, target: str | Path) -> dict[str, int]: ...
    def add(
        self,
        source: str | Path,
        *,
        recursive: bool = True,
        image_column: Sequence[str] | None = None,
        id_column: str | None = None,
        start: int = 0,
        end: int | None = None,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> AddReport: ...


@contextmanager
def looked_at(url: str | None, library: Path, name: str) -> Iterator[Reachable]:
    """A collection to look at."""
    if url:
        with service(url) as client:
            yield Remote(client.collection(name))
        return
    with read_collection(library, name) as found:
        yield found


@contextmanager
def worked_with(url: str | None, library: Path, name: str, encoder: str | None = None) -> Iterator[Reachable]:
    """A collection to work with."""
    if url:
        with service(url) as client:
            yield Remote(client.collection(name))
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


def service(url: str) -> Client:
    """The service at an address."""
    return Client(url, os.environ.get("CATEGORISER_KEY"))
