"""A grouping of texts: of descriptions of a collection's pictures, of terms that fit them, or of texts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from categoriser.catalog import collections, images, storable_text, views
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.views import TEXT, ViewRow
from categoriser.domain import Filed, FloatMatrix, FloatVector, Refused, RunReport
from categoriser.encoders.texts import WORDS
from categoriser.encoders.words import Lexicon, learn
from categoriser.errors import CategoriserError, ConfigurationError, NotFoundError
from categoriser.library.collection import Collection
from categoriser.library.given import Picture
from categoriser.library.projection import Terms, terms_of
from categoriser.maintenance.renewal import read_lexicon
from categoriser.pipeline import Arrival, file_arrivals, remove_collection
from categoriser.state import Storage

if TYPE_CHECKING:
    from categoriser.library.library import Library

_LEAST, _MOST = 25, 1024  # texts filed at a time: few while the words are hardly known
_PAGE = 500
_LONGEST = 20_000  # letters of a text
_FACTS = ("sha256", "name", "source", "stored", "format", "width", "height", "taken_at")  # of a picture, for its views


class View(Collection):
    """A collection of texts. As a view its images are those of another collection, by the same ids."""

    def __init__(self, library: Library, row: CollectionRow) -> None:
        super().__init__(library, row)
        self._encoder_spec = row.encoder_spec
        self._dimension = row.dimension
        with self._storage.database.read() as connection:
            self._parent = None if row.parent_key is None else collections.by_key(connection, row.parent_key)

    def __repr__(self) -> str:
        return f"View({self.name!r})"

    @property
    def storage(self) -> Storage:
        """Where it is kept."""
        return self._storage

    @property
    def parent(self) -> CollectionRow:
        """The collection whose pictures it groups.

        Raises:
            ConfigurationError: it is a collection of texts alone.
        """
        if self._parent is None:
            raise ConfigurationError(f"Collection {self.name!r} holds texts alone and has no pictures.")
        return self._parent

    @property
    def made_with(self) -> ViewRow:
        """Its criterion and where its texts come from.

        Raises:
            NotFoundError: it was deleted.
        """
        with self._storage.database.read() as connection:
            found = views.find(connection, self._id)
        if found is None:
            raise NotFoundError(f"View {self.name!r} was deleted.")
        return found

    @property
    def criterion(self) -> str:
        """What its texts are about."""
        return self.made_with.criterion

    def check_made_with(self, *, criterion: str | None, from_metadata: str | None, encoder: str | None) -> None:
        """Refuse to open it as something else than it is.

        Raises:
            ConfigurationError: it was made with another criterion, column or encoder.
        """
        made = self.made_with
        pairs = (
            ("criterion", criterion, made.criterion),
            ("from_metadata", from_metadata, made.spec.get("from_metadata")),
            ("encoder", encoder, self._encoder_spec),
        )
        for what, given, present in pairs:
            if given is not None and given != present:
                raise ConfigurationError(
                    f"View {self.name!r} was made with {what} {present!r} and not {given!r}: delete it first, or take "
                    "another name."
                )

    # ---- filling -------------------------------------------------------------------------------------------------

    def add_texts(
        self, texts: Mapping[str, str], *, metadata: Mapping[str, Mapping[str, Any]] | None = None
    ) -> list[Filed | Refused]:
        """File texts in their order, by image id; the same again changes nothing.

        Refused are empty texts, ids with another text, and in a view ids that its collection does not have.

        Args:
            texts: image id → text.
            metadata: image id → what else to keep with it; for collections of texts alone.
        """
        if "terms" in self.made_with.spec:
            raise ConfigurationError(f"View {self.name!r} is made of terms and takes no texts.")
        answers = self._add(texts, metadata or {})
        self._library.settle(self.row)
        return answers

    def catch_up(self) -> int:
        """Take over what came to its collection since the last time, if it follows it; returns how many images."""
        made = self.made_with
        column, terms = made.spec.get("from_metadata"), terms_of(made.spec)
        if self._parent is None or (column is None and terms is None):
            return 0
        count, last = 0, made.parent_row
        while True:
            with self._storage.database.read() as connection:
                page = images.page(connection, self._parent.id, after=last, limit=_PAGE)
            if not page:
                return count
            if terms is not None:
                count += self._project([one["image_id"] for one in page], terms)
            else:
                texts = {one["image_id"]: str((one["metadata"] or {}).get(column) or "") for one in page}
                count += len(self._add({image_id: text for image_id, text in texts.items() if text.strip()}, {}))
            last = page[-1]["row"]
            with self._storage.database.write() as connection:
                views.change(connection, self._id, parent_row=last)

    def text(self, image_id: str) -> str:
        """The text of an image, or its term.

        Raises:
            NotFoundError: there is no such image.
        """
        return views.said(self.image(image_id).metadata)

    def labels(self, image_id: str) -> Mapping[str, float]:
        """What its text says it is, with shares; empty when it says nothing: such an image stays Unsorted."""
        text = self.text(image_id)
        return {text: 1.0} if "terms" in self.made_with.spec else self._lexicon().labels(text)

    # ---- changing ------------------------------------------------------------------------------------------------

    def run(self) -> RunReport:
        """Take over what its collection has, read the texts anew where many came, then run the job."""
        self.catch_up()
        return super().run()

    def drop(self) -> int:
        """Delete the view with all that belongs to it; the pictures stay. Returns how many images it had."""
        return remove_collection(self._storage, self._id) or 0

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _add(self, texts: Mapping[str, str], metadata: Mapping[str, Mapping[str, Any]]) -> list[Filed | Refused]:
        answers: list[Filed | Refused] = []
        pairs = [(str(image_id), text) for image_id, text in texts.items()]
        while len(answers) < len(pairs):
            size = min(_MOST, max(_LEAST, len(self) // 10))
            answers += self._add_part(pairs[len(answers) : len(answers) + size], metadata)
        return answers

    def _add_part(
        self, pairs: Sequence[tuple[str, str]], extra: Mapping[str, Mapping[str, Any]]
    ) -> list[Filed | Refused]:
        ids = [image_id for image_id, _ in pairs if image_id == storable_text(image_id)]
        with self._storage.database.read() as connection:
            known = images.describe(connection, self._id, ids)
            pictures = {} if self._parent is None else images.describe(connection, self._parent.id, ids)
        answers: dict[int, Filed | Refused] = {}
        new: list[tuple[int, str, str]] = []
        for place, (image_id, text) in enumerate(pairs):
            problem = self._problem(image_id, text, known, pictures)
            if problem is not None:
                answers[place] = Refused(image_id, problem)
            elif image_id in known:
                stored = known[image_id]
                category = self.row.category_id(stored["category"])
                answers[place] = Filed(image_id, category, known=True, tentative=stored["tentative"])
            else:
                new.append((place, image_id, text))
        if new:
            vectors = self._encode([text for *_, text in new], [image_id for _, image_id, _ in new])
            arrivals = [
                Arrival(
                    image_id,
                    vector,
                    self._facts(pictures.get(image_id)) | {"metadata": {**extra.get(image_id, {}), TEXT: text}},
                )
                for (_, image_id, text), vector in zip(new, vectors, strict=True)
            ]
            for (place, *_), outcome in zip(new, self._file_all(arrivals), strict=True):
                answers[place] = outcome
        return [answers[place] for place in range(len(pairs))]

    def _problem(
        self, image_id: str, text: object, known: Mapping[str, Any], pictures: Mapping[str, Any]
    ) -> str | None:
        if not isinstance(text, str) or not text.strip():
            return "its text is empty"
        if len(text) > _LONGEST or text != storable_text(text):
            return f"its text is longer than {_LONGEST:,} letters or no valid Unicode"
        if self._parent is not None and image_id not in pictures:
            return f"collection {self._parent.name!r} has no such image"
        if image_id in known and views.said(known[image_id]["metadata"]) != text:
            return "it has another text; delete it from the view first"
        return None

    def _facts(self, picture: Mapping[str, Any] | None) -> dict[str, Any]:
        return {} if picture is None else {name: picture[name] for name in _FACTS}

    def _file_all(self, arrivals: Sequence[Arrival]) -> list[Filed | Refused]:
        answers = file_arrivals(
            self._storage, self._id, [arrivals], automatic_runs=self._library.settings.automatic_runs
        )
        outcomes = [outcome for part in answers for outcome in part]
        return [
            Refused(arrival.image_id, str(outcome)) if isinstance(outcome, CategoriserError) else outcome
            for arrival, outcome in zip(arrivals, outcomes, strict=True)
        ]

    def _project(self, image_ids: Sequence[str], terms: Terms) -> int:
        if self._parent is None:
            return 0
        with self._storage.database.read() as connection:
            known = images.known(connection, self._id, image_ids)
            pictures = images.describe(connection, self._parent.id, image_ids)
        wanted = [image_id for image_id in image_ids if image_id not in known and image_id in pictures]
        points = self._storage.store(self._parent).fetch(self._parent.key, wanted)
        projected, best = terms.project(points.vectors)
        arrivals = [
            Arrival(image_id, vector, self._facts(pictures[image_id]) | {"metadata": {views.TERM: term}})
            for image_id, vector, term in zip(points.image_ids, projected, best, strict=True)
        ]
        return len(self._file_all(arrivals))

    def _lexicon(self) -> Lexicon:
        return read_lexicon(self._storage, self._id) or Lexicon()

    def _encode(self, texts: Sequence[str], ids: Sequence[str]) -> FloatMatrix:
        if self._encoder_spec != WORDS:
            return np.asarray(self._library.encoders.named(self._encoder_spec).encode_texts(texts), np.float32)
        stored = read_lexicon(self._storage, self._id)
        # the first texts say themselves what is worth reading in them
        return (stored or learn(texts, self.criterion)).vectors(texts, ids)

    def _query(
        self,
        row: CollectionRow,
        text: str | None,
        image: Picture | None,
        image_id: str | None,
        vector: npt.ArrayLike | None,
    ) -> FloatVector:
        if image is not None:
            raise ConfigurationError(f"View {self.name!r} holds texts: search by words or by an image id.")
        if text is None:
            return super()._query(row, text, image, image_id, vector)
        if self._encoder_spec == WORDS:
            return self._lexicon().vector(text)
        terms = terms_of(self.made_with.spec)
        if terms is None:
            return _only(self._encode([text], [""]))
        found = self._library.encoder_of(self.parent).encode_texts([text])
        if found is None:
            raise ConfigurationError(f"The encoder of collection {self.parent.name!r} does not read text.")
        return _only(terms.project(found)[0])


def _only(vectors: FloatMatrix) -> FloatVector:
    first: FloatVector = vectors[0]
    return first
