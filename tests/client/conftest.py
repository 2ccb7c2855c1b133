"""Clients of a real service."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from categoriser.client import Client
from tests.api.conftest import library, service, start

__all__ = ["library", "service", "start"]  # fixtures of the service


@pytest.fixture
def url(service: httpx.Client) -> str:
    return str(service.base_url)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as opened:
        yield opened
