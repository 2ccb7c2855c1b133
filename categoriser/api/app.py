"""Puts the HTTP service together."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from categoriser.api.access import Doorkeeper, authorise, describe_access
from categoriser.api.errors import answer_errors
from categoriser.api.examples import describe_by_examples
from categoriser.api.flat import add_routes
from categoriser.api.guard import PlainAnswers
from categoriser.api.limits import BodyLimit, BodyLimits
from categoriser.api.live import Streams
from categoriser.api.models.base import ErrorBody
from categoriser.api.page import serve_page
from categoriser.api.paths import EncodedSlashes
from categoriser.api.receiving import Receiver
from categoriser.api.routes import (
    audit,
    backup,
    browse,
    collections,
    curation,
    deletions,
    erasure,
    exports,
    failures,
    images,
    keys,
    live,
    log,
    naming,
    objects,
    schedule,
    search,
    session,
    status,
    suggestions,
    tokens,
    upload_states,
    uploads,
    views,
    webhooks,
)
from categoriser.api.stopping import Gate, Gated
from categoriser.api.watching import RouteNoted, Watched
from categoriser.library import Library
from categoriser.library.backup import BackgroundBackups
from categoriser.library.readiness import Readiness
from categoriser.observer import Several
from categoriser.telemetry.gauges import LibraryGauges
from categoriser.telemetry.metrics import Metrics
from categoriser.telemetry.tracing import Traces

_LARGEST_BODY = 256 * 1024 * 1024


def create_app(
    library: Library,
    *,
    max_body: int | None = None,
    beyond_loopback: bool = False,
    traces: Traces | None = None,
) -> FastAPI:
    """The service over an open library, which stays the caller's to close.

    Args:
        library: what is served.
        max_body: largest multipart body in bytes; by default what holds several of the largest accepted files.
        beyond_loopback: other machines can reach the service, so that everybody needs a key.
        traces: where spans of requests, pictures and runs go.
    """
    largest_file = library.settings.max_bytes
    app = FastAPIOffline(  # its pages come with their scripts: nothing is asked of another machine
        title="categoriser",
        version=metadata.version("categoriser"),
        summary="Files every picture of an upload stream into categories that can be searched.",
        generate_unique_id_function=_name,
        openapi_tags=[
            {"name": "images", "description": "Upload, look at and delete images."},
            {"name": "categories", "description": "What the images were grouped into."},
            {"name": "curation", "description": "Preview runs, correct, look back, undo."},
            {"name": "search", "description": "Find images by words, picture, image or vector."},
            {"name": "views", "description": "Other groupings of the same images; the routes above take ?view=NAME."},
            {"name": "collections", "description": "One user's images each."},
            {"name": "webhooks", "description": "Who is told of events, after the Standard Webhooks specification."},
            {"name": "exports", "description": "Everything out again, as archives and tables."},
            {"name": "log", "description": "Runs of the job and their schedule, events, failures."},
            {"name": "access", "description": "Keys, tokens, browser sessions and the trail of what was done."},
            {"name": "service", "description": "Is it there?"},
        ],
        dependencies=[Depends(authorise)],  # of routes that come in another way than those below
    )
    app.state.library = library
    app.state.receiver = Receiver(library)
    app.state.gate = gate = Gate()
    app.state.backups = BackgroundBackups(library)
    app.state.readiness = Readiness(library)
    app.state.metrics = metrics = Metrics()
    metrics.registry.register(LibraryGauges(library))
    library.observe(metrics if traces is None else Several(metrics, traces))
    app.state.streams = Streams.of(library.settings.live)
    answer_errors(app)
    app.router.routes.extend(_operations().routes)
    describe_access(app)
    describe_by_examples(app)
    serve_page(app)
    app.add_middleware(RouteNoted)
    app.add_middleware(EncodedSlashes)
    app.add_middleware(
        BodyLimit,
        limits=BodyLimits(
            multipart=max_body or max(_LARGEST_BODY, 2 * largest_file),
            other=largest_file * 4 // 3 + 1024 * 1024,  # one picture in base64
            seconds=library.settings.uploads.body_seconds,
            silence=library.settings.uploads.silence_seconds,
            at_once=library.settings.uploads.bodies,
        ),
    )
    app.add_middleware(Doorkeeper, of=app, access=library.access, beyond_loopback=beyond_loopback)
    if library.settings.access.origins:  # no cookies: pages of others come with a key or token
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(library.settings.access.origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=["ETag", "Retry-After", "Location"],
            max_age=600,
        )
    app.add_middleware(Gated, gate=gate)
    app.add_middleware(PlainAnswers)
    access_log = library.settings.operations.access_log
    app.add_middleware(Watched, metrics=metrics, traces=traces, access_log=access_log)
    return app


def _name(route: APIRoute) -> str:
    return route.name


@cache
def _operations() -> APIRouter:
    """The same for every library, and made once: putting a hundred routes together takes a third of a second."""
    whole = APIRouter(dependencies=[Depends(authorise)], generate_unique_id_function=_name)
    refusals: dict[int | str, dict[str, Any]] = {404: {"model": ErrorBody}, 422: {"model": ErrorBody}}
    for module in (
        uploads,
        upload_states,
        failures,
        objects,
        views,
        erasure,
        browse,
        collections,
        search,
        live,
        webhooks,
        exports,
        log,
        curation,
        suggestions,
        naming,
        deletions,
        images,
    ):  # images last: its paths match almost anything
        add_routes(whole, module.router, prefix="/v1/collections", responses=refusals)
    add_routes(whole, schedule.router, prefix="/v1", responses=refusals)
    add_routes(whole, webhooks.prefixes, prefix="/v1", responses=refusals)
    for module in (keys, tokens, session, audit, backup):
        add_routes(whole, module.router, prefix="/v1", responses=refusals)
    add_routes(whole, status.router)
    return whole
