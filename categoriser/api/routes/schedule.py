"""When the job runs, and what came of it."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

from categoriser.api.access import Caller
from categoriser.api.models.schedule import OwnSchedule, ScheduleInfo, SchedulePage
from categoriser.api.needs import ExistingCollection, PageLength, TheLibrary
from categoriser.domain import ScheduleEntry

router = APIRouter(tags=["log"])


@router.get("/schedule", summary="List next and last scheduled runs")
def list_schedules(library: TheLibrary, caller: Caller, after: str = "", limit: PageLength = 100) -> SchedulePage:
    """By name of the collection; those that the key may read."""
    page = library.schedule(after=after, limit=limit, visible=caller.visible)
    return SchedulePage(
        schedules=[_described(entry) for entry in page],
        next=page[-1].collection if len(page) == limit else None,
    )


@router.get("/collections/{collection}/schedule", summary="Look at the next and the last scheduled run")
def get_schedule(collection: ExistingCollection) -> ScheduleInfo:
    """Of one collection."""
    return _described(collection.schedule())


@router.put("/collections/{collection}/schedule", summary="Give a collection a schedule of its own, or none")
def set_schedule(collection: ExistingCollection, wanted: OwnSchedule) -> ScheduleInfo:
    """Slots that began before now do not count."""
    collection.set_schedule(wanted.schedule)
    return _described(collection.schedule())


def _described(entry: ScheduleEntry) -> ScheduleInfo:
    return ScheduleInfo(**dataclasses.asdict(entry))
