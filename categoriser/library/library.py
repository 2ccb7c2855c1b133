"""A library: a folder (or a database) with any number of collections."""

from __future__ import annotations

import logging
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from categoriser.catalog import collections, storable_text, views
from categoriser.catalog.collections import CollectionRow, Visible
from categoriser.domain import RunReport, ScheduleEntry
from categoriser.encoders import Encoder, takes_ready_vectors, takes_texts
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library.access import Access
from categoriser.library.collection import Collection
from categoriser.library.encoders import Encoders
from categoriser.library.mapping import Maps
from categoriser.library.namers import Namers
from categoriser.library.objects import Objects
from categoriser.library.relevance import Relevance
from categoriser.library.takeover import take_over, take_up
from categoriser.library.uploads import Uploads
from categoriser.library.view import View
from categoriser.library.view_making import create_texts, delete_views, follow
from categoriser.library.webhooks import Sender, Webhooks
from categoriser.library.webhooks.message import Message
from categoriser.maintenance import run
from categoriser.maintenance.agenda import agenda
from categoriser.maintenance.publishing import Fence
from categoriser.maintenance.schedule import Scheduler
from categoriser.maintenance.timing import Timetable
from categoriser.observer import Observer
from categoriser.pipeline import Pipeline, no_pictures, remove_collection
from categoriser.settings import Settings
from categoriser.state import Storage
from categoriser.state.queue import Kind, WorkQueue

_log = logging.getLogger(__name__)


class Library:
    """Use it as a context manager: leaving it finishes what is under way and lets the next process in."""

    def __init__(self, storage: Storage, settings: Settings, *, encoder_given: bool) -> None:
        self.storage = storage
        self.settings = settings
        self.timetable = Timetable.of(settings)
        self.encoders = Encoders(settings, given=encoder_given)
        self.encoder_of = self.encoders.of
        self.creating = threading.Lock()
        self.access = Access(storage.database, settings.access)
        self.namers = Namers(storage, settings, self.encoder_of)
        storage.ran = self.namers.soon
        self.maps = Maps(storage)
        self.relevance = Relevance(storage, self.namers.lexicons, self.encoder_of)
        self.pipeline = Pipeline(storage, self.encoder_of, settings, self.follow)
        self.queue: WorkQueue | None = None  # of work that others do
        if storage.has_workers:
            self.queue = WorkQueue(storage.database.engine.url)
            storage.run_elsewhere = lambda number: self.tell("run", number)
            storage.ran = lambda number: None if self.tell("name", number) else self.namers.soon(number)
            self.pipeline.tell = self._tell_workers
        self.uploads = Uploads(self)
        self.objects = Objects(self)
        self.deletions = 0  # of collections: whoever remembers one looks again when this has changed

    @classmethod
    def open(
        cls,
        path: str | Path = "library",
        encoder: str | None = None,
        *,
        resume: bool = True,
        create: bool = True,
        **settings: Any,
    ) -> Self:
        """Open or make the library in a folder.

        Args:
            path: its folder; one process at a time may own it.
            encoder: for new collections; existing ones that have another are then refused. Without it every collection
                keeps its own, and new ones get that of the settings.
            resume: file what an earlier process had accepted and did not come to file.
            create: make it where there is none.
            settings: any field of `Settings`.

        Raises:
            LibraryInUseError: another process owns the folder.
            ConfigurationError: a setting does not make sense.
            NotFoundError: there is no library and ``create`` is False.
        """
        if not create and not any((Path(path) / name).exists() for name in ("catalog.sqlite", "lock")):
            raise NotFoundError(f"There is no library in {path}; make one with `categoriser add`, or give its folder.")
        chosen = Settings.load(encoder=encoder, **settings)
        storage = Storage(Path(path).expanduser().absolute(), chosen)
        try:
            library = cls(storage, chosen, encoder_given=encoder is not None)
        except BaseException:
            storage.close()
            raise
        try:
            if resume:
                library.resume()
        except BaseException:
            library.close()
            raise
        return library

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is under way, save and let go of the folder."""
        try:
            self.objects.close()
            self.pipeline.close()
        finally:
            try:
                self.namers.close()
                self.maps.close()
            finally:
                try:
                    self.access.close()
                finally:
                    if self.queue is not None:
                        self.queue.close()
                    self.storage.close()

    def observe(self, observer: Observer) -> None:
        """From now on tell an observer what the pipeline and the runs do, instead of the one before it."""
        self.storage.observer = observer

    def resume(self) -> int:
        """File what an earlier process accepted, in the background; returns the number of pictures.

        Where several processes share the library, what those that live accepted stays theirs.
        """
        count = take_up(self) if self.storage.presence is None else take_over(self)
        self.objects.resume()
        return count

    def collection(self, name: str, *, create: bool = True) -> Collection:
        """The collection of that name, made if need be.

        Raises:
            NotFoundError: it does not exist and ``create`` is False.
            EncoderMismatchError: it belongs to another encoder than the one this library was opened with.
            ConfigurationError: the name cannot be used.
        """
        _check_text("The name of a collection", name)
        found = self.find(name)
        if found is not None:
            if takes_texts(found.encoder_id):
                return View(self, found)
            self.encoders.check(found)
            return Collection(self, found)
        if not create:
            raise NotFoundError(f"There is no collection {name!r}.")
        _check_name(name)
        encoder = self.encoder
        with self.creating:
            found = self.find(name)
            if found is None:
                with self.storage.database.write() as connection:
                    found = collections.create_or_find(
                        connection,
                        name,
                        encoder_id=encoder.id,
                        encoder_spec=self.settings.encoder,
                        dimension=encoder.dimension,
                        granularity=self.settings.granularity,
                    )
        return Collection(self, found)

    def collection_for_pictures(self, name: str) -> Collection:
        """The collection of that name to add pictures to, made if need be.

        Raises:
            ConfigurationError: it takes, or would take, ready vectors; then none is made.
            MissingWeightsError: its encoder cannot be opened.
            EncoderMismatchError: it belongs to another encoder than the one this library was opened with.
        """
        _check_text("The name of a collection", name)
        found = self.find(name)
        encoder_id = self.encoder.id if found is None else found.encoder_id
        if takes_ready_vectors(encoder_id):
            raise no_pictures(name, encoder_id)
        if found is not None:
            self.encoders.check(found)
            self.encoder_of(found)
        return self.collection(name)

    def collections(self, *, after: str = "", limit: int = 100, visible: Visible | None = None) -> list[Collection]:
        """Collections by name; ``visible`` leaves out those that somebody may not see."""
        with self.storage.database.read() as connection:
            rows = collections.page(connection, after=after, limit=limit, visible=visible)
        return [View(self, row) if takes_texts(row.encoder_id) else Collection(self, row) for row in rows]

    def delete_collection(self, name: str) -> int:
        """Delete a collection with all its images; returns their number. Files of yours stay.

        Rights to its name end as well: whoever makes a collection of that name later shares it with nobody.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find(name)
        if found is None:
            raise NotFoundError(f"There is no collection {name!r}.")
        delete_views(self, found)
        self.access.forget_collection(name, found.key)  # first: what is left of an interrupted deletion stays closed
        size = remove_collection(self.storage, found.id)
        if size is None:
            raise NotFoundError(f"Collection {name!r} was deleted meanwhile.")
        self.deletions += 1
        return size

    def text_collection(
        self, name: str, *, criterion: str = "", encoder: str = "words", categories: int | None = None
    ) -> View:
        """A collection of texts without pictures, made if need be.

        Args:
            name: of the collection.
            criterion: what its texts were written about, in words that they use; empty for titles and the like.
            encoder: ``words``, or ``sentence:MODEL`` with any model of sentence-transformers.
            categories: how many there are to be; None finds out.

        Raises:
            ConfigurationError: the name cannot be used, or belongs to a collection of pictures.
        """
        _check_text("The name of a collection", name)
        found = self.find(name)
        if found is None:
            _check_name(name)
            with self.creating:
                found = self.find(name) or create_texts(
                    self, name, criterion=criterion, encoder=encoder, categories=categories
                )
        if not takes_texts(found.encoder_id):
            raise ConfigurationError(f"Collection {name!r} holds pictures or vectors; take another name for the texts.")
        return View(self, found)

    def settle(self, row: CollectionRow) -> None:
        """Wait until categories and names are as the runs leave them that followed what was filed last.

        Only for names that a model makes nobody waits.
        """
        self.pipeline.settle(row)
        self.namers.settle(row)

    def follow(self, collection_id: int) -> None:
        """Bring the views that follow a collection up to date with what was filed there."""
        follow(self, collection_id)

    def schedule(self, *, after: str = "", limit: int = 100, visible: Visible | None = None) -> list[ScheduleEntry]:
        """When the job runs on each collection and what came of its last slot, by name of the collection."""
        with self.storage.database.read() as connection:
            rows = collections.page(connection, after=after, limit=limit, visible=visible)
        return agenda(self.storage.database, self.timetable, rows)

    def scheduled(self) -> Scheduler:
        """A context manager within which the job runs at its times; leaving it finishes the run under way."""
        return Scheduler(self.storage.database, self.timetable, self._run)

    @property
    def prefix_webhooks(self) -> Webhooks:
        """Who is told of the events of all collections whose names begin alike."""
        return Webhooks(self.storage.database, self.settings.webhooks, None)

    def delivering(self) -> Sender:
        """A context manager within which webhooks are told; leaving it finishes the deliveries under way."""
        return Sender(self.storage.database, self.settings.webhooks, self._messages)

    def _messages(self, collection_id: int, after: int, kinds: Sequence[str], limit: int) -> tuple[list[Message], int]:
        with self.storage.database.read() as connection:
            row = collections.get(connection, collection_id)
        if row is None:
            raise NotFoundError("The collection was deleted meanwhile.")
        collection = Collection(self, row)
        page, following = collection.events_and_next(after=after, types=kinds, limit=limit)
        return [Message.of_event(event, collection=collection.name, key=row.key) for event in page], following

    def tell(self, kind: Kind, collection_id: int) -> bool:
        """Leave work on a collection to the queue, where there is one; says whether somebody will see to it."""
        if self.queue is None:
            return False
        with self.storage.database.read() as connection:
            row = collections.get(connection, collection_id)
        return row is not None and self.queue.tell(kind, row.key)

    def _tell_workers(self, collection: CollectionRow, numbers: Sequence[int], sizes: Sequence[int] = ()) -> None:
        if self.queue is not None:  # which entries, and how large, a worker finds in the inbox
            self.queue.tell("file", collection.key)

    def _run(self, collection_id: int, fence: Fence) -> RunReport:
        report = run(self.storage, collection_id, fence)
        self.namers.after_run(collection_id)
        return report

    @property
    def encoder(self) -> Encoder:
        """The encoder of new collections, opened when first needed.

        Raises:
            MissingWeightsError: its weights cannot be had.
        """
        return self.encoders.named(self.settings.encoder)

    def find(self, name: str) -> CollectionRow | None:
        """A collection of that name, if there is one; not a view."""
        if name != storable_text(name) or views.is_view_name(name):
            return None
        with self.storage.database.read() as connection:
            return collections.find(connection, name)


def _check_text(what: str, given: object) -> None:
    if not isinstance(given, str):
        raise ConfigurationError(f"{what} is text, and {given!r} is not.")


def _check_name(name: str) -> None:
    control = any(unicodedata.category(letter).startswith("C") for letter in name)
    if not name.strip() or len(name) > 255 or control or name in {".", ".."}:  # which addresses cannot hold
        raise ConfigurationError(
            f"{name!r} cannot name a collection: use 1 to 255 characters without control characters, and not only "
            "spaces or dots."
        )
