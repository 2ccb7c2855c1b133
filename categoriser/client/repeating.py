"""When a call is repeated, and how long to wait: with tenacity, the same for both kinds of client."""

from __future__ import annotations

import random
from typing import Any, Final

import httpx
import tenacity

from categoriser.client.description import Call
from categoriser.intake.fetch import retry_after

_BUSY: Final = frozenset((429, 502, 503))
_FIRST_WAIT: Final = 0.25  # seconds; doubles each time, with jitter
_LONGEST_WAIT: Final = 60.0  # also the most that a Retry-After is obeyed


def policy(call: Call[Any], attempts: int) -> dict[str, Any]:
    """Arguments of ``tenacity.Retrying`` and ``tenacity.AsyncRetrying``.

    A call that never reached the service is repeated; one that may have, only if doing it twice does no more than once.
    """
    return {
        "retry": tenacity.retry_if_exception(lambda error: _never_sent(error) or (call.repeatable and _broke(error)))
        | tenacity.retry_if_result(lambda answer: call.repeatable and answer.status_code in _BUSY),
        "stop": tenacity.stop_after_attempt(attempts),
        "wait": _wait,
        "retry_error_callback": _last,
    }


def _never_sent(error: BaseException) -> bool:
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _broke(error: BaseException) -> bool:
    return isinstance(error, httpx.TransportError)


def _wait(state: tenacity.RetryCallState) -> float:
    outcome = state.outcome
    if outcome is not None and not outcome.failed:
        told = retry_after(outcome.result().headers.get("retry-after", ""))
        if told is not None:
            return min(told, _LONGEST_WAIT)
    ceiling: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (state.attempt_number - 1))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def _last(state: tenacity.RetryCallState) -> Any:
    """The last answer as it is, or the last error."""
    assert state.outcome is not None  # noqa: S101 - tenacity sets it before it asks
    return state.outcome.result()
