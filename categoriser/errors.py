"""The few errors a caller can meet. Every message says what happened, to what, and what to do."""

from __future__ import annotations

import re


class CategoriserError(Exception):
    """Root of all errors raised on purpose."""


class ConfigurationError(CategoriserError):
    """A setting, an option or an encoder name does not make sense."""


class MissingWeightsError(CategoriserError):
    """An encoder's weights are neither on disk nor to be had from a model hub."""


class MissingExtraError(CategoriserError):
    """A part needs an optional dependency; the message names the command that installs it."""


class RejectedError(CategoriserError):
    """One input cannot become an image of the collection; the rest of its batch goes on."""


class UnreadablePictureError(RejectedError):
    """The bytes are no picture, or a broken, empty or dangerously large one."""


class FetchError(RejectedError):
    """A URL could not be fetched, or must not be."""


class UnreachableError(FetchError):
    """A URL could not be fetched for now: its server is busy, silent or broken, or there is no network."""


class InvalidVectorError(RejectedError):
    """A vector is NaN, infinite, zero or of the wrong dimension."""


class ConflictError(RejectedError):
    """An id is already taken by another picture."""


class OutdatedError(ConflictError):
    """Categories were changed since the caller looked at them."""


class EncoderFailedError(CategoriserError):
    """The encoder could not cope with a picture; it stays in the inbox and is tried again, the others go on."""


class NotFoundError(CategoriserError):
    """There is no such collection, category or image."""


class EncoderMismatchError(CategoriserError):
    """A collection belongs to another encoder than the one asked for."""


class MissingVectorsError(CategoriserError):
    """The vector store lacks vectors of images that the catalog knows."""


class LibraryInUseError(CategoriserError):
    """Another process owns the library's folder."""


class BusyError(CategoriserError):
    """More work is waiting than may wait; try again later."""


class OvertakenError(BusyError):
    """Another process changed the collection while this one was about to; nothing was changed here."""


class StoppingError(BusyError):
    """The service is about to end and takes nothing new; its successor does."""


class CrowdedError(BusyError):
    """More pictures of one collection are waiting than may wait; those of others are taken."""


class LeaseLostError(CategoriserError):
    """A slot of the schedule was taken over by another process, and what was done for it is dropped."""


class NamingError(CategoriserError):
    """A source of names cannot work at the moment; the next one is asked."""


class UnauthenticatedError(CategoriserError):
    """No valid key or token was shown where one is needed.

    ``shown``: one was, and does not count. ``guessed``: it never was one, which may be an attack.
    """

    def __init__(self, message: str, *, shown: bool = True, guessed: bool = False) -> None:
        super().__init__(message)
        self.shown = shown
        self.guessed = guessed


class ForbiddenError(CategoriserError):
    """Whoever asks may not do this."""


class TooManyRequestsError(CategoriserError):
    """Somebody asks faster than may be asked. ``retry_after``: seconds until it can be tried again."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def code_of(error: BaseException) -> str:
    """Stable word for programs: ``UnreadablePictureError`` → ``unreadable_picture``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower()
