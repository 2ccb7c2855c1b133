"""Events as they happen (server-sent events)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from categoriser.api.access import TheVisit, still_may
from categoriser.api.errors import InvalidRequestError
from categoriser.api.event_kinds import EventKinds
from categoriser.api.live import Streams
from categoriser.api.models.base import ErrorBody
from categoriser.api.models.log import EventInfo
from categoriser.api.needs import ExistingCollection
from categoriser.domain import LARGEST_NUMBER

router = APIRouter(prefix="/{collection}", tags=["log"])


def _room(request: Request) -> Streams:
    streams = cast("Streams", request.app.state.streams)
    streams.check()  # as a dependency: once a stream has begun it can answer no error any more
    return streams


def _after(
    after: Annotated[
        int | None, Query(ge=0, le=LARGEST_NUMBER, description="cursor to start behind; without it only what is new")
    ] = None,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="what a browser sends when it connects again")
    ] = None,
) -> int | None:
    if not last_event_id:
        return after
    if not (last_event_id.isascii() and last_event_id.isdecimal() and int(last_event_id) <= LARGEST_NUMBER):
        raise InvalidRequestError("Last-Event-ID: it must be the id of an event of this stream.")
    return int(last_event_id)


@router.get(
    "/events/live",
    summary="Follow the log as it grows",
    response_class=EventSourceResponse,
    responses={503: {"model": ErrorBody, "description": "Too many streams are open; try again after Retry-After"}},
)
async def follow_events(
    collection: ExistingCollection,
    streams: Annotated[Streams, Depends(_room)],
    types: EventKinds,
    after: Annotated[int | None, Depends(_after)],
    visit: TheVisit,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events, oldest first. The ``id`` of each is its cursor, so that nothing is lost or told twice when
    the connection breaks: a browser connects again by itself with ``Last-Event-ID``. Comments keep the line open."""
    if after is None:
        after = await run_in_threadpool(collection.last_cursor)
    # a connection that breaks before the first event must not lose what happened meanwhile
    yield ServerSentEvent(id=str(after), comment="from here", retry=2000)
    async for batch in streams.follow(collection, after, types, partial(still_may, visit)):
        for event in batch.events:
            info = EventInfo(cursor=event.cursor, kind=event.kind, at=event.at, detail=dict(event.detail))
            yield ServerSentEvent(id=str(event.cursor), data=info)
        if not batch.events or batch.events[-1].cursor != batch.next:
            yield ServerSentEvent(id=str(batch.next), comment="nothing of these kinds")
