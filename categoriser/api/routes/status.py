"""Is the service there, and which one is it?"""

from __future__ import annotations

from fastapi import APIRouter, Request

from categoriser.api.models.status import Health
from categoriser.api.needs import TheLibrary

router = APIRouter(tags=["service"])


@router.get("/healthz", summary="Whether the service and its database answer")
def healthz(request: Request, library: TheLibrary) -> Health:
    """Reads one row, so that a broken database shows."""
    library.collections(limit=1)
    return Health(version=request.app.version)
