"""What happened to a collection: runs, events, failures."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

from categoriser.api.event_kinds import EventKinds
from categoriser.api.models.log import EventInfo, EventPage, RunInfo, RunRequest
from categoriser.api.needs import Cursor, ExistingCollection, PageLength

router = APIRouter(prefix="/{collection}", tags=["log"])


@router.post("/runs", summary="Run the job now")
def run_now(collection: ExistingCollection, wanted: RunRequest | None = None) -> RunInfo:
    """Split, merge, spawn and refine categories, or apply steps of a plan; answers when it is done."""
    report = collection.run() if wanted is None else collection.apply_steps(wanted.version, wanted.steps)
    return RunInfo(**dataclasses.asdict(report))


@router.get("/events", summary="Read the log")
def list_events(
    collection: ExistingCollection,
    types: EventKinds,
    after: Cursor = 0,
    limit: PageLength = 100,
) -> EventPage:
    """Oldest first."""
    page, following = collection.events_and_next(after=after, types=types, limit=limit)
    return EventPage(
        events=[EventInfo(cursor=e.cursor, kind=e.kind, at=e.at, detail=dict(e.detail)) for e in page],
        next=following,
    )
