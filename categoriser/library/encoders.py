"""The encoders of a library, each opened when first needed, and whose collections may have them."""

from __future__ import annotations

import threading

from categoriser.catalog.collections import CollectionRow
from categoriser.encoders import Encoder, open_encoder, takes_ready_vectors
from categoriser.errors import CategoriserError, EncoderMismatchError
from categoriser.pipeline import no_pictures
from categoriser.settings import Settings


class Encoders:
    """Open encoders; thread-safe. ``given``: the library was opened for this encoder, so others are refused."""

    def __init__(self, settings: Settings, *, given: bool) -> None:
        self._settings = settings
        self._given = given
        self._open: dict[str, Encoder] = {}
        self._opening = threading.Lock()

    def of(self, collection: CollectionRow) -> Encoder:
        """The encoder of a collection.

        Raises:
            MissingWeightsError: its weights cannot be had.
            EncoderMismatchError: what its name leads to now makes other vectors than it did.
        """
        self.check(collection)
        encoder = self.named(self.spec_of(collection))
        if encoder.id != collection.encoder_id:
            raise EncoderMismatchError(
                f"Collection {collection.name!r} was made with {collection.encoder_id}, and "
                f"{collection.encoder_spec!r} is {encoder.id} now. Give back the old weights, or add its images to a "
                "new collection."
            )
        return encoder

    def spec_of(self, collection: CollectionRow) -> str:
        """By which name the encoder of a collection is opened."""
        return self._settings.encoder if self._given else collection.encoder_spec

    def named(self, spec: str) -> Encoder:
        """An encoder of pictures or texts by its name.

        Raises:
            MissingWeightsError: its weights cannot be had.
            MissingExtraError: it needs what is not installed.
        """
        with self._opening:
            if spec not in self._open:
                self._open[spec] = open_encoder(spec, device=self._settings.device, offline=self._settings.offline)
            return self._open[spec]

    def check(self, collection: CollectionRow) -> None:
        """Refuse a collection of another encoder than the one that the library was opened for.

        Raises:
            EncoderMismatchError: it is one.
        """
        if not self._given or self._settings.encoder == collection.encoder_spec:
            return
        wanted = self.named(self._settings.encoder)
        if wanted.id != collection.encoder_id:
            raise EncoderMismatchError(
                f"Collection {collection.name!r} belongs to the encoder {collection.encoder_id}, not to {wanted.id}. "
                f"Open it with encoder={collection.encoder_spec!r}, or add its images to a new collection."
            )

    def obstacle(self, collection: CollectionRow) -> str | None:
        """Why no picture of a collection can be filed now."""
        try:
            if takes_ready_vectors(collection.encoder_id):
                raise no_pictures(collection.name, collection.encoder_id)
            self.of(collection)
        except CategoriserError as error:
            return str(error)
        return None

    @property
    def ids(self) -> list[str]:
        """Ids of the encoders in memory."""
        return sorted(encoder.id for encoder in list(self._open.values()))
