"""Puts the HTTP service together."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from categoriser.api.errors import answer_errors
from categoriser.api.examples import describe_by_examples
from categoriser.api.guard import LoopbackOnly, PlainAnswers
from categoriser.api.limits import BodyLimit
from categoriser.api.live import Streams
from categoriser.api.models.base import ErrorBody
from categoriser.api.paths import EncodedSlashes
from categoriser.api.receiving import Receiver
from categoriser.api.routes import (
    collections,
    curation,
    exports,
    images,
    live,
    log,
    naming,
    schedule,
    search,
    status,
    suggestions,
    uploads,
    views,
    webhooks,
)
from categoriser.library import Library

_LARGEST_BODY = 256 * 1024 * 1024


def create_app(library: Library, *, max_body: int | None = None) -> FastAPI:
    """The service over an open library, which stays the caller's to close.

    Args:
        library: what is served.
        max_body: largest multipart body in bytes; by default what holds several of the largest accepted files.
    """
    largest_file = library.settings.max_bytes
    app = FastAPIOffline(  # its pages come with their scripts: nothing is asked of another machine
        title="categoriser",
        version=metadata.version("categoriser"),
        summary="Files every picture of an upload stream into categories that can be searched.",
        generate_unique_id_function=lambda route: route.name,
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
            {"name": "service", "description": "Is it there?"},
        ],
    )
    app.state.library = library
    app.state.receiver = Receiver(library)
    app.state.streams = Streams(library.settings.live.streams, library.settings.live.poll_seconds)
    answer_errors(app)
    failures: dict[int | str, dict[str, Any]] = {404: {"model": ErrorBody}, 422: {"model": ErrorBody}}
    for module in (
        uploads,
        views,
        collections,
        search,
        live,
        webhooks,
        exports,
        log,
        curation,
        suggestions,
        naming,
        images,
    ):  # images last: its paths match almost anything
        app.include_router(module.router, prefix="/v1/collections", responses=failures)
    app.include_router(schedule.router, prefix="/v1", responses=failures)
    app.include_router(webhooks.prefixes, prefix="/v1", responses=failures)
    app.include_router(status.router)
    describe_by_examples(app)
    app.add_middleware(EncodedSlashes)
    app.add_middleware(
        BodyLimit,
        multipart=max_body or max(_LARGEST_BODY, 2 * largest_file),
        other=largest_file * 4 // 3 + 1024 * 1024,  # one picture in base64
    )
    app.add_middleware(LoopbackOnly)
    app.add_middleware(PlainAnswers)
    return app
