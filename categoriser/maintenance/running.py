"""One run: the engine proposes, what a run may do by itself is published, the rest stays as suggestions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from categoriser.catalog import groups, suggestions, taxonomy
from categoriser.catalog.tables import Record
from categoriser.domain import RunReport
from categoriser.engine import UNSORTED
from categoriser.errors import OutdatedError
from categoriser.maintenance.change import Change, Ran
from categoriser.maintenance.hierarchy import regrouped
from categoriser.maintenance.planning import Plan, make_plan
from categoriser.maintenance.publishing import Fence, publish
from categoriser.maintenance.renewal import renew_if_grown
from categoriser.maintenance.steps import Step
from categoriser.maintenance.suggesting import keep
from categoriser.state import EngineState, Standing, Storage

_ATTEMPTS: Final = 3


def run(storage: Storage, collection_id: int, fence: Fence | None = None) -> RunReport:
    """Run the job on one collection now.

    Args:
        storage: of the library.
        collection_id: of the collection.
        fence: called in the transaction that publishes; what it raises undoes all.

    Raises:
        NotFoundError: the collection was deleted.
    """
    started = time.perf_counter()
    report, images = None, 0
    try:
        storage.delivery.ready()
        renew_if_grown(storage, collection_id)
        with _planned(storage, collection_id) as (state, made):
            images = made.images
            report = _apply(storage, state, made, made.automatic, started, fence)
        return report
    finally:
        storage.observer.ran(report, images, started, time.perf_counter())


def plan(storage: Storage, collection_id: int) -> Plan:
    """What a run would change now; nothing is changed."""
    with _planned(storage, collection_id) as (state, made):
        made.groups = _grouped(state, made, made.change(state, made.automatic))
        state.vectors.release()
        return made


def apply(storage: Storage, collection_id: int, made: Plan, step_ids: Collection[str] | None = None) -> RunReport:
    """Apply a plan, or some of its steps; images that arrived since stay where they are.

    Raises:
        OutdatedError: categories were changed since the plan was made.
        NotFoundError: the collection was deleted.
    """
    started = time.perf_counter()
    storage.delivery.ready()
    with storage.states.writing(collection_id) as state:
        if made.version != state.collection.taxonomy_version:
            raise OutdatedError("Categories were changed since this plan was made; make a new one.")
        steps = made.automatic if step_ids is None else [step for step in made.steps if step.id in set(step_ids)]
        return _apply(storage, state, made, steps, started)


@contextmanager
def _planned(storage: Storage, collection_id: int) -> Iterator[tuple[EngineState, Plan]]:
    """A state that is being written, with a plan for it.

    It is made beside: images go on coming and people go on correcting, who may have to wait for neither. Where somebody
    changes categories faster than can be planned, they wait in the end.
    """
    dismissed = _dismissed(storage, collection_id)
    for _ in range(_ATTEMPTS):
        with storage.states.writing(collection_id) as state:
            standing = Standing.of(state)
        made = make_plan(standing, dismissed)
        with storage.states.writing(collection_id) as state:
            if standing.holds(state):
                yield state, made
                return
    with storage.states.writing(collection_id) as state:
        yield state, make_plan(Standing.of(state), _dismissed(storage, collection_id))


def _apply(
    storage: Storage,
    state: EngineState,
    made: Plan,
    steps: Collection[Step],
    started: float,
    fence: Fence | None = None,
) -> RunReport:
    kinds = Counter(step.kind for step in steps)
    taken = {step.id for step in steps}
    left = [step for step in made.steps if step.id not in taken]
    held = [step for step in left if step.reason is not None]
    undone = {step.source for step in left} - {UNSORTED}  # to be proposed again
    open_still = {micro for step in left if step.tentative for micro in step.micros}
    change = made.change(state, steps)
    present = state.groups
    for category, group in _grouped(state, made, change).items():
        if present.get(category) != group:
            change.groups[category] = (present.get(category), group)
    done = publish(
        storage,
        state,
        change,
        kind="run",
        started=started,
        summary={"steps": dict(kinds), "suggestions": len(held)},
        run=Ran(made.calibration, min(made.images, state.grouping.weighing), made.next_row),
        next_category=made.next_category,
        checked=dict(made.checked) | dict.fromkeys(undone, 0),
        settles=[micro for micro in made.tentative if micro not in open_still],
        fence=fence,
        then=lambda connection, version: keep(connection, state, held, version),
    )
    with storage.database.read() as connection:
        living = len(taxonomy.living(connection, state.collection.id))
        broad = len(groups.living(connection, state.collection.id))
        unsorted = taxonomy.unsorted(connection, state.collection.id)
        suggested = suggestions.open_ones(connection, state.collection.id)
    state.vectors.release()  # a run reads every vector; between runs few are needed
    state.save_if_grown()
    merged = sum(winner is not None for winner in done.retired.values())
    split = len({step.target for step in steps if step.kind == "split"} & set(done.created))
    return RunReport(
        spawned=len(done.created) - split,
        split=split,
        merged=merged,
        moved=done.moved,
        unsorted=unsorted,
        categories=living,
        groups=broad,
        seconds=time.perf_counter() - started,
        version=done.version,
        suggestions=suggested,
        absorbed=done.absorbed,
        reconsidered=done.reconsidered,
    )


def _dismissed(storage: Storage, collection_id: int) -> list[Record]:
    with storage.database.read() as connection:
        found = suggestions.everything(connection, collection_id)
    return [one for one in found if one["dismissed_at"] is not None]


def _grouped(state: EngineState, made: Plan, change: Change) -> dict[int, int]:
    """Category → broad group after a change."""
    return regrouped(state, change.micros, change.images, made.calibration)
