"""What the demo asks the service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from categoriser.demo.report import Json
from categoriser.errors import CategoriserError

_PAGE: Final = 1000
_PATIENCE: Final = httpx.Timeout(600, connect=10)  # seconds; a slow encoder may need minutes for one request
_ATTEMPTS: Final = 100


class ServiceError(CategoriserError):
    """The service answered something that the demo cannot go on with."""


class Client:
    """One collection of a running service; may be used from several threads."""

    def __init__(self, url: str, collection: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=_PATIENCE, trust_env=False)
        self._base = f"/v1/collections/{quote(collection, safe='')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def upload(self, pictures: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
        """Send pictures (name, bytes); answers with the result of each. While the service is busy, wait."""
        for _ in range(_ATTEMPTS):
            answer = self._http.post(
                f"{self._base}/images", files=[("files", (_sendable(name), data)) for name, data in pictures]
            )
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or "retry-after" not in answer.headers:
                break
            time.sleep(float(answer.headers["retry-after"]))
        if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            return [{"name": name, "status": "refused", "error": answer.json()["error"]} for name, _ in pictures]
        results: list[dict[str, Any]] = _checked(answer)["results"]
        return results

    def run(self) -> Json:
        """Run the job."""
        return _checked(self._http.post(f"{self._base}/runs"))

    def categories(self) -> tuple[list[Json], int]:
        """All categories, largest first, and the number of Unsorted images."""
        found: list[Json] = []
        while True:
            query = {"offset": len(found), "limit": _PAGE}
            answer = _checked(self._http.get(f"{self._base}/categories", params=query))
            found += answer["categories"]
            if len(answer["categories"]) < _PAGE:
                return found, int(answer["unsorted"])

    def images(self, category: str) -> Iterator[Json]:
        """All images of a category, or of "unsorted"."""
        after = None
        while True:
            query: dict[str, str | int] = {"category": category, "limit": _PAGE}
            if after is not None:
                query["after"] = after
            page = _checked(self._http.get(f"{self._base}/images", params=query))
            yield from page["images"]
            after = page["next"]
            if after is None:
                return

    def search(self, **query: Any) -> list[Json]:
        """Search as the service does."""
        results: list[Json] = _checked(self._http.post(f"{self._base}/search", json=query))["results"]
        return results

    def thumbnail(self, image_id: str) -> bytes:
        """The JPEG."""
        answer = self._http.get(f"{self._base}/images/{quote(image_id, safe='')}/thumbnail")
        if answer.is_error:
            _checked(answer)
        return answer.content


def _sendable(name: str) -> str:
    """Old file systems hold names that are no Unicode."""
    return name.encode(errors="replace").decode()


def _checked(answer: httpx.Response) -> Json:
    body: Json = answer.json()
    if answer.is_error:
        raise ServiceError(f"The service answered {answer.status_code}: {body['error']['message']}")
    return body
