"""The views of a collection: made, listed, opened and deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy.typing as npt

from categoriser.catalog import collections, costs, images, views
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.costs import Cost
from categoriser.encoders import takes_ready_vectors
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library.searching import label_of
from categoriser.library.term_asking import TermsEstimate
from categoriser.library.view_costs import ViewEstimate, estimate_view
from categoriser.pipeline import remove_images
from categoriser.state import Storage

if TYPE_CHECKING:
    from categoriser.library.library import Library
    from categoriser.library.view import View


class Viewed:
    """The part of a collection that groups its pictures in other ways."""

    name: str
    key: str
    _library: Library
    _storage: Storage
    _id: int

    def view(
        self,
        name: str,
        *,
        criterion: str | None = None,
        texts: Mapping[str, str] | None = None,
        from_metadata: str | None = None,
        terms: Sequence[str] | Mapping[str, npt.ArrayLike] | None = None,
        categories: int | None = None,
        encoder: str | None = None,
        create: bool | None = None,
    ) -> View:
        """Another way of grouping the same pictures, made if need be, with categories, runs and corrections of its own.

        Args:
            name: of the view; one that exists is opened.
            criterion: what its texts are about, in words that they use ("musical instrument").
            texts: image id → description, added at once.
            from_metadata: the key of the pictures' metadata (a column of their table) that is their text; pictures that
                come later follow by themselves.
            terms: words (for an encoder that reads text) or words with their vectors: pictures are grouped by which of
                them they are most like.
            categories: how many there are to be; None finds out.
            encoder: of the texts: ``words`` (the default), or ``sentence:MODEL``.
            create: False only opens it; by default it is made when any of the above is given.

        Raises:
            NotFoundError: there is none of this name, and none was to be made.
            ConfigurationError: what was given makes no sense, or is not what the view was made with.
        """
        from categoriser.library.view import View  # noqa: PLC0415 - a view is a collection itself
        from categoriser.library.view_making import create_view  # noqa: PLC0415

        given = any(one is not None for one in (criterion, texts, from_metadata, terms, categories, encoder))
        row = self._view_row(name)
        if row is None:
            if create is False or (create is None and not given):
                raise NotFoundError(f"Collection {self.name!r} has no view {name!r}.")
            with self._library.creating:
                row = self._view_row(name) or create_view(
                    self._library,
                    self._id,
                    name,
                    criterion=criterion or "",
                    from_metadata=from_metadata,
                    terms=terms,
                    categories=categories,
                    encoder=encoder,
                )
        view = View(self._library, row)
        if criterion is not None or from_metadata is not None or encoder is not None:
            view.check_made_with(criterion=criterion, from_metadata=from_metadata, encoder=encoder)
        view.catch_up()
        if texts:
            view.add_texts(texts)
        self._library.settle(row)
        return view

    def candidate_terms(self, criterion: str) -> list[str]:
        """Terms for a view of terms, by the language model of the settings: one question, asked once per criterion.

        Raises:
            ConfigurationError: no model is set up, or the encoder of this collection reads no text.
            NamingError: the model cannot be had, refuses, or answers something else.
        """
        self._check_reads_text()
        asked, started = self.estimate_terms(criterion), time.perf_counter()
        terms = self._library.namers.terms.terms(criterion)
        if asked.questions:
            spent = Cost("terms", asked.model, asked.questions, asked.tokens, time.perf_counter() - started)
            with self._storage.database.write() as connection:
                if collections.get(connection, self._id) is not None:
                    costs.add(connection, self._id, spent)
        return terms

    def estimate_terms(self, criterion: str) -> TermsEstimate:
        """What ``candidate_terms`` would take; nothing is asked.

        Raises:
            ConfigurationError: no model is set up, or the encoder of this collection reads no text.
        """
        self._check_reads_text()
        return self._library.namers.terms.estimate(criterion)

    def estimate_view(
        self, *, criterion: str = "", terms: Sequence[str] = (), from_metadata: str | None = None
    ) -> ViewEstimate:
        """What making a view would take: images, texts, questions to a model; nothing is asked, nothing is made.

        Raises:
            ConfigurationError: the field cannot be one of metadata.
        """
        return estimate_view(self._library, self._id, criterion=criterion, terms=terms, from_metadata=from_metadata)

    def views(self, *, after: str = "", limit: int = 100) -> list[View]:
        """Its views by name."""
        from categoriser.library.view import View  # noqa: PLC0415 - a view is a collection itself

        with self._storage.database.read() as connection:
            rows = views.of_collection(connection, self.key)
        found = [View(self._library, row) for row in rows]
        return [view for view in found if view.name > after][:limit]

    def attributes(self, image_id: str) -> dict[str, str | None]:
        """What each view says an image is: view → name of its category; None where it is uncertain or not in the view.

        Raises:
            NotFoundError: there is no such image.
        """
        with self._storage.database.read() as connection:
            if image_id not in images.known(connection, self._id, [image_id]):
                raise NotFoundError(f"Collection {self.name!r} has no image {image_id!r}.")
            found: dict[str, str | None] = {}
            for row in views.of_collection(connection, self.key):
                one = images.named(connection, row.id, [image_id]).get(image_id)
                label = None if one is None else label_of(one["category"], one["label"])
                found[views.shown_name(row.name)] = label
        return found

    def delete_view(self, name: str) -> int:
        """Delete a view with its categories and texts; the pictures stay. Returns how many it had.

        Raises:
            NotFoundError: there is none of this name.
        """
        from categoriser.library.view import View  # noqa: PLC0415 - a view is a collection itself

        row = self._view_row(name)
        if row is None:
            raise NotFoundError(f"Collection {self.name!r} has no view {name!r}.")
        return View(self._library, row).drop()

    def _check_reads_text(self) -> None:
        with self._storage.database.read() as connection:
            row = collections.get(connection, self._id)
        if row is None:
            raise NotFoundError(f"Collection {self.name!r} was deleted.")
        if takes_ready_vectors(row.encoder_id) or not self._library.encoder_of(row).reads_text:
            raise ConfigurationError(
                f"The encoder of collection {self.name!r} reads no text, so pictures cannot be compared with terms: "
                "use one with a text tower such as laion-clip-b32, or give terms with their vectors."
            )

    def _view_row(self, name: str) -> CollectionRow | None:
        with self._storage.database.read() as connection:
            return collections.find(connection, views.collection_name(self.key, name))

    def _delete_in_views(self, image_ids: Sequence[str]) -> None:
        with self._storage.database.read() as connection:
            rows = views.of_collection(connection, self.key)
        for row in rows:
            remove_images(self._storage, row.id, image_ids)
