"""Programs that only ask whether something is there get headers and no body."""

from __future__ import annotations

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import serving


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_whether_the_service_is_well_can_be_asked_without_an_answer_to_read(path: str, library: Library) -> None:
    with serving(library) as service:
        answer, whole = httpx.head(f"{service.base_url}{path}"), httpx.get(f"{service.base_url}{path}")
    assert answer.status_code == whole.status_code
    assert answer.headers["content-type"] == whole.headers["content-type"]
    assert answer.content == b""
