"""A picture under way, and what is said of one that was given up or that an encoder chokes on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Filed, FloatVector
from categoriser.encoders import Encoder
from categoriser.errors import CategoriserError, EncoderFailedError, StoppingError
from categoriser.pipeline.kept import Kept


@dataclass(slots=True, eq=False)
class Job:
    """One picture, from its submission to its answer."""

    collection: CollectionRow
    origin: object  # what the observer gave where it came in
    submitted: float
    future: Future[Filed] = field(default_factory=Future)
    image_id: str = ""
    inbox_id: int | None = None
    unhurried: bool = False  # nobody waits for the answer
    exactly: bool = False  # nothing is filed before the run that it makes due
    facts: Mapping[str, Any] = field(default_factory=dict)
    kept: Kept | None = None
    vector: FloatVector | None = None
    error: BaseException | None = None
    ready: bool = False

    def answer(self, outcome: Filed | BaseException) -> None:
        """Tell who waits, unless that was done: the first answer counts."""
        with suppress(InvalidStateError):
            if isinstance(outcome, BaseException):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)


def stopping() -> StoppingError:
    """What those are told whose picture was given up because the service ends."""
    return StoppingError(
        "The service is stopping, and this was not done. Send it again in a few seconds; a picture that was accepted "
        "is not taken twice."
    )


def encoder_failed(encoder: Encoder, error: Exception) -> CategoriserError:
    """What is said of a picture that an encoder chokes on."""
    if isinstance(error, CategoriserError):
        return error
    failure = EncoderFailedError(
        f"The encoder {encoder.id} failed on this picture ({type(error).__name__}: {error}). It stays in the inbox and "
        "is tried again later."
    )
    failure.__cause__ = error
    return failure
