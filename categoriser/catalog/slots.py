"""Slots of scheduled work: who does which, under a lease that runs out and a number (the token) that fences.

One slot of a collection is done once, whoever else tries: a claim succeeds when nobody holds a lease on the collection
and no later slot was begun. A lease that ran out can be taken over, and whoever had it can finish nothing any more.
Clocks of replicas must agree to within the length of a lease.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import Record, collections, slots

KEPT: Final = 20  # finished slots of a collection
ATTEMPTS: Final = 3  # at one slot, when each ends without a word: what kills a process must not do so for ever


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do one slot, as long as it is renewed."""

    collection_id: int
    kind: str
    slot: str
    owner: str
    token: int


@dataclass(frozen=True, slots=True)
class DueSlot:
    """Something to claim."""

    collection_id: int
    slot: str


def claim(
    connection: Connection, due: DueSlot, *, kind: str, owner: str, now: float, expires_at: float
) -> Lease | None:
    """Take a slot, also over from one whose lease ran out; None: it is done, somebody has it, or there is no need."""
    locked = sa.select(collections.c.id).where(collections.c.id == due.collection_id).with_for_update()
    if connection.execute(locked).one_or_none() is None:
        return None
    open_or_later = sa.select(slots).where(
        _of(due.collection_id, kind), sa.or_(slots.c.finished_at.is_(None), slots.c.slot >= due.slot)
    )
    mine: Record | None = None
    for found in connection.execute(open_or_later).mappings().all():
        row = dict(found)
        if row["finished_at"] is None and row["expires_at"] > now:
            return None
        if row["slot"] > due.slot or (row["slot"] == due.slot and row["finished_at"] is not None):
            return None
        if row["slot"] == due.slot and row["token"] < ATTEMPTS:
            mine = row
        else:
            _give_up(connection, row, now)
            if row["slot"] == due.slot:
                return None
    values = {"owner": owner, "expires_at": expires_at, "started_at": now}
    token = 1 if mine is None else int(mine["token"]) + 1
    if mine is None:
        key = {"collection_id": due.collection_id, "kind": kind, "slot": due.slot}
        connection.execute(sa.insert(slots).values(**key, token=token, **values))
    else:
        connection.execute(sa.update(slots).where(_is(mine)).values(token=token, **values))
    return Lease(due.collection_id, kind, due.slot, owner, token)


def renew(connection: Connection, lease: Lease, expires_at: float) -> bool:
    """Hold a lease for longer; False: it was taken over, finished or deleted. Until the transaction ends it is held."""
    return _change(connection, lease, expires_at=expires_at)


def finish(
    connection: Connection, lease: Lease, *, now: float, seconds: float, result: Mapping[str, Any] | None = None
) -> bool:
    """Record what came of a slot; False, and nothing is recorded, when the lease is not held any more."""
    if not _change(connection, lease, finished_at=now, expires_at=now, seconds=seconds, result=dict(result or {})):
        return False
    of = _of(lease.collection_id, lease.kind)
    oldest = sa.select(slots.c.slot).where(of).order_by(slots.c.slot.desc()).offset(KEPT - 1).limit(1)
    first = connection.execute(oldest).scalar_one_or_none()
    if first is not None:
        connection.execute(sa.delete(slots).where(of, slots.c.slot < first))
    return True


def release(connection: Connection, lease: Lease) -> bool:
    """Let the next one try at once."""
    return _change(connection, lease, expires_at=0.0)


def schedules(connection: Connection, default: str) -> list[str]:
    """The schedules that collections have, those without their own the default."""
    return sorted(connection.execute(sa.select(_effective(default)).distinct()).scalars())


def due(
    connection: Connection,
    current: Mapping[str, tuple[str, float]],
    *,
    kind: str,
    default: str,
    now: float,
    limit: int = 100,
) -> list[DueSlot]:
    """What can be claimed, those first whose last turn is longest ago.

    Args:
        connection: to read with.
        current: schedule → its current slot and when that began; collections with other schedules are left out.
        kind: of work.
        default: schedule of collections without their own.
        now: in seconds since the epoch.
        limit: length of the list.
    """
    if not current:
        return []
    schedule = _effective(default)
    slot = sa.case({text: sa.literal(name) for text, (name, _) in current.items()}, value=schedule)
    begins = sa.case({text: sa.literal(begin, sa.Double) for text, (_, begin) in current.items()}, value=schedule)
    own = sa.and_(slots.c.collection_id == collections.c.id, slots.c.kind == kind)
    held = sa.and_(slots.c.finished_at.is_(None), slots.c.expires_at > now)
    done = sa.or_(slots.c.slot > slot, sa.and_(slots.c.slot == slot, slots.c.finished_at.is_not(None)))
    last = sa.select(sa.func.max(slots.c.started_at)).where(own, slots.c.slot < slot).scalar_subquery()
    query = (
        sa.select(collections.c.id, slot)
        .where(
            schedule.in_(list(current)),
            sa.func.coalesce(collections.c.schedule_since, collections.c.created_at) < begins,
            ~sa.exists().where(own, sa.or_(held, done)),
        )
        .order_by(sa.func.coalesce(last, 0.0), collections.c.id)
        .limit(limit)
    )
    return [DueSlot(*row) for row in connection.execute(query)]


def spent(connection: Connection, kind: str, slot: str, now: float) -> float:
    """Seconds of work on a slot by all replicas and for all collections so far."""
    under_way = sa.case((slots.c.expires_at > now, now - slots.c.started_at), else_=0.0)
    seconds = sa.case((slots.c.finished_at.is_(None), under_way), else_=slots.c.seconds)
    query = sa.select(sa.func.coalesce(sa.func.sum(seconds), 0.0)).where(slots.c.kind == kind, slots.c.slot == slot)
    return float(connection.execute(query).scalar_one())


def last(connection: Connection, kind: str, collection_ids: Collection[int]) -> dict[int, Record]:
    """The latest slot of each collection that ever had one."""
    latest = (
        sa.select(slots.c.collection_id, sa.func.max(slots.c.slot).label("slot"))
        .where(slots.c.kind == kind, slots.c.collection_id.in_(list(collection_ids)))
        .group_by(slots.c.collection_id)
        .subquery()
    )
    same = sa.and_(latest.c.collection_id == slots.c.collection_id, latest.c.slot == slots.c.slot)
    query = sa.select(slots).join(latest, same).where(slots.c.kind == kind)
    return {row["collection_id"]: dict(row) for row in connection.execute(query).mappings()}


def _effective(default: str) -> sa.ColumnElement[str]:
    return sa.func.coalesce(collections.c.schedule, sa.literal(default))


def _of(collection_id: int, kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(slots.c.collection_id == collection_id, slots.c.kind == kind)


def _is(row: Record) -> sa.ColumnElement[bool]:
    return sa.and_(_of(row["collection_id"], row["kind"]), slots.c.slot == row["slot"])


def _change(connection: Connection, lease: Lease, **values: Any) -> bool:
    held = sa.and_(
        _of(lease.collection_id, lease.kind),
        slots.c.slot == lease.slot,
        slots.c.owner == lease.owner,
        slots.c.token == lease.token,
        slots.c.finished_at.is_(None),
    )
    return bool(connection.execute(sa.update(slots).where(held).values(**values)).rowcount)


def _give_up(connection: Connection, row: Record, now: float) -> None:
    problem = f"The process that did this slot ended without a word, in {row['token']} of {ATTEMPTS} attempts."
    values = {"finished_at": now, "seconds": 0.0, "result": {"problem": problem}}
    connection.execute(sa.update(slots).where(_is(row)).values(**values))
