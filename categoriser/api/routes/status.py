"""Is the service there, can it work, and how is it doing?"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from categoriser.api.models.status import Health, ReadinessCheck, Ready
from categoriser.api.needs import TheLibrary
from categoriser.api.stopping import RETRY_AFTER
from categoriser.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["service"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Whether the service and its database answer")
def healthz(request: Request, library: TheLibrary) -> Health:
    """Reads one row, so that a broken database shows."""
    library.collections(limit=1)
    return Health(version=request.app.version)


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Whether the service may be sent work",
    responses={503: {"model": Ready, "description": "Not now; the checks say why"}},
)
def readyz(request: Request, response: Response) -> Ready:
    """Asks the database, the vector store and the encoder, and whether the service is about to stop."""
    checks = [
        ReadinessCheck(name=one.name, ok=one.problem is None, problem=one.problem)
        for one in request.app.state.readiness.checks()
    ]
    stopping = "The service is stopping." if request.app.state.gate.leaving else None
    checks.append(ReadinessCheck(name="running", ok=stopping is None, problem=stopping))
    ready = all(check.ok for check in checks)
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = RETRY_AFTER
    return Ready(ready=ready, checks=checks)


@router.get(
    "/metrics",
    summary="Metrics in Prometheus's text format",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Metrics"}},
)
async def metrics(request: Request) -> Response:
    """Totals over all collections: no name and no id is among them."""
    return Response(await run_in_threadpool(request.app.state.metrics.text), media_type=CONTENT_TYPE)
