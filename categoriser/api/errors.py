"""Every failure as one body: {"error": {"code": …, "message": a sentence}}."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from categoriser.errors import (
    BusyError,
    CategoriserError,
    ConfigurationError,
    ConflictError,
    CrowdedError,
    EncoderMismatchError,
    ForbiddenError,
    LibraryInUseError,
    MissingExtraError,
    MissingWeightsError,
    NamingError,
    NotFoundError,
    OutdatedError,
    RejectedError,
    StoppingError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnreachableError,
    code_of,
)
from categoriser.library.uploads import InProgressError
from categoriser.telemetry.request_id import HEADER


class TooLargeError(RejectedError):
    """A body or a file in it is larger than is accepted."""


class InvalidRequestError(RejectedError):
    """A request does not have the form it must have."""


class UnsupportedMediaError(InvalidRequestError):
    """A body is of a kind that the route does not take."""


class SlowBodyError(InvalidRequestError):
    """A body did not arrive in time."""


class CallerError(CategoriserError):
    """Whoever calls does not say who it is as it has to."""


# the first class of an error's ancestry that is listed here decides
_STATUS: Final[dict[type, int]] = {
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    SlowBodyError: HTTPStatus.REQUEST_TIMEOUT,
    CallerError: HTTPStatus.UNAUTHORIZED,
    CrowdedError: HTTPStatus.TOO_MANY_REQUESTS,
    OutdatedError: HTTPStatus.PRECONDITION_FAILED,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    UnreachableError: HTTPStatus.BAD_GATEWAY,
    NamingError: HTTPStatus.BAD_GATEWAY,
    ConflictError: HTTPStatus.CONFLICT,
    RejectedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConfigurationError: HTTPStatus.BAD_REQUEST,
    NotFoundError: HTTPStatus.NOT_FOUND,
    EncoderMismatchError: HTTPStatus.CONFLICT,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    MissingWeightsError: HTTPStatus.SERVICE_UNAVAILABLE,
    MissingExtraError: HTTPStatus.SERVICE_UNAVAILABLE,
    LibraryInUseError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_AFTER_SECONDS: Final[dict[type, int]] = {
    BusyError: 2,
    CrowdedError: 30,
    InProgressError: 2,
    StoppingError: 5,
    UnreachableError: 60,
}

__all__ = ["answer_errors", "code_of", "error_body", "invalid", "status_of"]

_LONGEST_FIELD: Final = 80  # characters of a field's name that are repeated
_log = logging.getLogger(__name__)


def status_of(error: CategoriserError) -> int:
    """HTTP status of an error."""
    return next((int(_STATUS[kind]) for kind in type(error).__mro__ if kind in _STATUS), 500)


def error_body(code: str, message: str) -> dict[str, Any]:
    """The one shape of a failure."""
    return {"error": {"code": code, "message": message}}


def invalid(error: ValidationError | RequestValidationError) -> InvalidRequestError:
    """The first complaint of pydantic as a sentence of ours."""
    first = error.errors()[0]
    places = [_line(str(part))[:_LONGEST_FIELD] for part in first["loc"] if part not in {"body", "query", "path"}]
    where = ".".join(places)
    message = _line(first["msg"].removeprefix("Value error, ")).rstrip(".")
    return InvalidRequestError(f"{where}: {message}." if where else f"{message}.")


def answer(error: CategoriserError) -> JSONResponse:
    """An error of ours as an answer."""
    headers = {}
    seconds = error.retry_after if isinstance(error, TooManyRequestsError) else _RETRY_AFTER_SECONDS.get(type(error))
    if seconds is not None:
        headers["Retry-After"] = str(math.ceil(seconds))
    if isinstance(error, UnauthenticatedError):  # RFC 6750
        headers["WWW-Authenticate"] = 'Bearer realm="categoriser"' + (', error="invalid_token"' if error.shown else "")
    return JSONResponse(error_body(code_of(error), str(error)), status_of(error), headers)


def _as_sentence(error: HTTPException) -> str:
    """What the frameworks below say, in our words where theirs help nobody."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "There is nothing at this address; /docs lists what there is."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return "This address takes other methods; /docs lists them."
    return _line(str(error.detail)).rstrip(".") + "."


def _line(text: str) -> str:
    """On one line, without what steers a terminal: names of fields come from whoever asks."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def answer_errors(app: FastAPI) -> None:
    """Make the app answer every failure in the one shape."""

    @app.exception_handler(CategoriserError)
    async def ours(request: Request, error: CategoriserError) -> JSONResponse:
        request.state.error_code = code_of(error)
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        problem = invalid(error)
        request.state.error_code = code_of(problem)
        return JSONResponse(error_body(code_of(problem), str(problem)), status_of(problem))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).name.lower()
        request.state.error_code = code
        return JSONResponse(error_body(code, _as_sentence(error)), error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> JSONResponse:
        _log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
        message = "The service met an error that is none of yours; its log has the details."
        made = getattr(request.state, "request_id", "")  # this answer goes past the layer that marks all others
        headers = {HEADER: made} if made else None
        return JSONResponse(error_body("internal", message), HTTPStatus.INTERNAL_SERVER_ERROR, headers)
