"""Any server that speaks OpenAI's chat interface: llama.cpp's own, vLLM, Ollama, LM Studio, or a hosted one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import tenacity

from categoriser.errors import ConfigurationError, NamingError

_BUSY: Final = frozenset((408, 409, 429, 500, 502, 503, 504))
_LARGEST: Final = 1_000_000  # bytes of an answer
_ATTEMPTS: Final = 3
_LONGEST_WAIT: Final = 20.0


class _BusyError(Exception):
    """Worth another try."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class ChatEndpoint:
    """One model behind one address."""

    def __init__(
        self, url: str, model: str, *, key: str | None = None, seconds: float = 30.0, first_wait: float = 0.5
    ) -> None:
        """Nothing is sent yet.

        Args:
            url: up to and with the version, such as http://127.0.0.1:8080/v1.
            model: name of the model there.
            key: sent as a bearer token.
            seconds: time limit of one request.
            first_wait: before the second try; it doubles.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"{url!r} is no address of an endpoint; an example: http://127.0.0.1:8080/v1.")
        self.place = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        self.model = model
        self._url = url.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"
        self._first_wait = first_wait
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(timeout=httpx.Timeout(seconds, connect=min(10.0, seconds)), headers=headers)
        self._plain = False  # it does not know JSON schemas
        self.requests = 0

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def ask(
        self, content: str | Sequence[Mapping[str, Any]], *, schema: Mapping[str, Any] | None = None, tokens: int = 200
    ) -> str:
        """The text that the model answers.

        Args:
            content: what the user says: text, or parts with pictures.
            schema: of the JSON that is wanted; a server that knows no schemas is asked without.
            tokens: most that it may write.

        Raises:
            NamingError: it could not be had; the sentence says from where and why.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": tokens,
        }
        if schema is not None and not self._plain:
            wanted = {"name": "answer", "strict": True, "schema": schema}
            try:
                return self._tried(body | {"response_format": {"type": "json_schema", "json_schema": wanted}})
            except _RefusedError as error:
                if error.status not in {400, 404, 422, 501}:
                    raise NamingError(str(error)) from None
                self._plain = True
        try:
            return self._tried(body)
        except _RefusedError as error:
            raise NamingError(str(error)) from None

    def _tried(self, body: Mapping[str, Any]) -> str:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_BusyError),
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=self._wait,
            reraise=True,
        )
        try:
            return retrying(self._once, body)
        except _BusyError as error:
            raise NamingError(f"The model at {self.place} cannot be had: {error}; tried {_ATTEMPTS} times.") from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        told = error.wait if isinstance(error, _BusyError) else None
        return min(_LONGEST_WAIT, self._first_wait * 2 ** (state.attempt_number - 1) if told is None else told)

    def _once(self, body: Mapping[str, Any]) -> str:
        self.requests += 1
        try:
            with self._client.stream("POST", self._url, json=body) as answer:
                if answer.status_code in _BUSY:
                    raise _BusyError(f"it answers {answer.status_code}", _seconds(answer.headers.get("retry-after")))
                data = b""
                for chunk in answer.iter_bytes():
                    data += chunk
                    if len(data) > _LARGEST:
                        raise NamingError(f"The model at {self.place} answers with more than {_LARGEST:,} bytes.")
        except httpx.TimeoutException:
            raise _BusyError("no answer in time") from None
        except httpx.HTTPError as error:
            raise _BusyError(str(error) or type(error).__name__) from None
        if answer.status_code >= 400:
            raise _RefusedError(self.place, answer.status_code, data)
        return self._text(data)

    def _text(self, data: bytes) -> str:
        try:
            message = json.loads(data)["choices"][0]["message"]
            text = message["content"]
        except (ValueError, KeyError, IndexError, TypeError):
            raise NamingError(f"The model at {self.place} answers something that is no chat completion.") from None
        if not isinstance(text, str) or not text.strip():
            raise NamingError(f"The model at {self.place} answers nothing.")
        return text


class _RefusedError(Exception):
    def __init__(self, place: str, status: int, data: bytes) -> None:
        hint = {401: "the key is missing or wrong", 403: "the key may not use it", 404: "there is no such model"}
        reason = hint.get(status) or _reason(data)
        super().__init__(f"The model at {place} refuses ({status}): {reason}.")
        self.status = status


def _reason(data: bytes) -> str:
    try:
        error = json.loads(data)["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        text = data[:200].decode("utf-8", "replace")
    return " ".join(str(text).split())[:200].rstrip(".") or "without a reason"


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
