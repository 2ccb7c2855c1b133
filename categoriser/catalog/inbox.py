"""Accepted but not yet filed pictures, and those that failed for good."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog import processes
from categoriser.catalog.in_lists import Among, parts
from categoriser.catalog.tables import Record, collections, inbox, summed
from categoriser.catalog.tables_uploads import inbox_bytes, upload_items


def accept(connection: Connection, collection_id: int, entries: Sequence[Mapping[str, Any]]) -> list[int]:
    """Note pictures that have to be filed; returns their numbers in the same order. Keys: columns of ``inbox``."""
    return accept_all(connection, [{**entry, "collection_id": collection_id} for entry in entries])


def accept_all(
    connection: Connection, entries: Sequence[Mapping[str, Any]], numbers: Sequence[int] | None = None
) -> list[int]:
    """As ``accept``, of several collections: each entry names its own. ``numbers``: those that they are to have."""
    if not entries:
        return []
    now = time.time()
    values = [{**_NO_ADDRESS, **entry, "accepted_at": now} for entry in entries]
    if numbers is None:
        return list(connection.execute(_ACCEPT, values).scalars())
    connection.execute(_ACCEPT_AS, [{**entry, "id": number} for entry, number in zip(values, numbers, strict=True)])
    return list(numbers)


class Numbers:
    """Numbers of entries to come, for one thread: a server is asked for many at a time, as each time is a round trip.

    So entries of several processes are in the order of their numbers only roughly; those of one are exactly.
    """

    def __init__(self) -> None:
        self._ready: deque[int] = deque()

    def take(self, connection: Connection, count: int) -> list[int] | None:
        """So many that nobody else has; None: here entries get their numbers as quickly when they are written."""
        if connection.dialect.name == "sqlite":
            return None
        if len(self._ready) < count:
            self._ready += connection.execute(_NUMBERS, {"n": count + _AHEAD}).scalars()
        return [self._ready.popleft() for _ in range(count)]


def keep_bytes(connection: Connection, data: Mapping[int, bytes]) -> None:
    """Keep the bytes of entries in the database until they are filed."""
    if data:
        connection.execute(_KEEP, [{"inbox_id": number, "data": one} for number, one in data.items()])


def with_bytes(connection: Connection, number: int) -> tuple[Record, bytes | None] | None:
    """One entry with its bytes, where the database keeps them."""
    row = connection.execute(_WITH_BYTES, {"n": number}).one_or_none()
    if row is None:
        return None
    *columns, data = row
    return dict(zip(inbox.c.keys(), columns, strict=True)), data


def fetched(connection: Connection, number: int, *, image_id: str, sha256: str) -> None:
    """Note what was behind an address; the original lies with us now."""
    values = {"image_id": image_id, "sha256": sha256, "stored": True}
    connection.execute(sa.update(inbox).where(inbox.c.id == number).values(**values))
    connection.execute(sa.update(upload_items).where(upload_items.c.inbox_id == number).values(image_id=image_id))


def crowd(connection: Connection, collection_id: int | None, *, most: int) -> tuple[int, int]:
    """How many pictures wait, of one collection or of all, and how many living processes share the inbox.

    One round trip, which counts no further than to ``most``.
    """
    waiting = sa.select(sa.literal(1)).where(inbox.c.reason.is_(None))
    if collection_id is not None:
        waiting = waiting.where(inbox.c.collection_id == collection_id)
    both = (waiting.limit(most).subquery(), processes.living().subquery())
    counts = (sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in both)
    found, living = connection.execute(sa.select(*counts)).one()
    return found, living


def have_failed_later(connection: Connection, collection_ids: Collection[int]) -> Callable[[], dict[int, bool]]:
    """Of those of the collections that were not deleted, whether any entry has failed; to be had as of ``later``."""
    rows = _HAVE_FAILED.ask(connection, collection_ids)
    return lambda: {number: bool(has) for number, has in rows()}


def refuse(connection: Connection, collection_id: int, entry: Mapping[str, Any], reason: str) -> None:
    """Note an input that could not even be accepted, so that it can be looked up and tried again."""
    values = {**entry, "collection_id": collection_id, "accepted_at": time.time(), "reason": reason}
    connection.execute(sa.insert(inbox).values(**values))


def get(connection: Connection, number: int) -> Record | None:
    """One entry."""
    row = connection.execute(sa.select(inbox).where(inbox.c.id == number)).one_or_none()
    return None if row is None else dict(row._mapping)


def settle(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete entries that were filed, in the transaction that files them."""
    if numbers:
        connection.execute(_SETTLE, [{"n": n} for n in numbers])


def fail(connection: Connection, number: int, reason: str, code: str = "rejected") -> None:
    """Keep an entry as failed, with its reason; whoever asks about its upload is told so too."""
    values = {"reason": reason, "next_at": None, "problem": None}
    connection.execute(sa.update(inbox).where(inbox.c.id == number).values(**values))
    of = upload_items.c.inbox_id == number
    connection.execute(sa.update(upload_items).where(of).values(reason=reason, code=code[:32]))


def defer(connection: Connection, number: int, problem: str, next_at: float) -> None:
    """Note that an attempt failed for now."""
    values = {"attempts": inbox.c.attempts + 1, "next_at": next_at, "problem": problem}
    connection.execute(sa.update(inbox).where(inbox.c.id == number).values(**values))


def retry(connection: Connection, collection_id: int, numbers: Sequence[int] | None = None) -> list[int]:
    """Let failed entries wait again, those named or all; returns those that can be: their bytes are to be had."""
    found: list[int] = []
    for which in _chosen(numbers):
        again = sa.and_(_failed_of(collection_id), which, _repeatable())
        query = (
            sa.update(inbox)
            .where(again)
            .values(reason=None, attempts=0, next_at=None, problem=None, owner=None, claims=0)
        )
        some = list(connection.execute(query.returning(inbox.c.id)).scalars())
        for part in parts(some):
            of = upload_items.c.inbox_id.in_(part)
            connection.execute(sa.update(upload_items).where(of).values(reason=None, code=None))
        found += some
    return sorted(found)


def discard(connection: Connection, collection_id: int, numbers: Sequence[int] | None = None) -> tuple[int, list[str]]:
    """Delete failed entries, those named or all; returns how many there were and the digests they had."""
    count, digests = 0, []
    for which in _chosen(numbers):
        query = sa.delete(inbox).where(_failed_of(collection_id), which).returning(inbox.c.sha256)
        gone = list(connection.execute(query).scalars())
        count += len(gone)
        digests += [one for one in gone if one is not None]
    return count, digests


def count_failed(connection: Connection, collection_id: int, numbers: Sequence[int] | None = None) -> tuple[int, int]:
    """Number of failed entries, those named or all, and of those of them that can be tried again."""
    total = repeatable = 0
    columns = (sa.func.count(), summed(sa.case((_repeatable(), 1), else_=0)))
    for which in _chosen(numbers):
        row = connection.execute(sa.select(*columns).where(_failed_of(collection_id), which)).one()
        total, repeatable = total + row[0], repeatable + row[1]
    return total, repeatable


def withdraw(connection: Connection, collection_id: int, image_id: str) -> int:
    """Delete the waiting entries of an image that is not wanted any more; returns how many there were."""
    of = sa.and_(inbox.c.collection_id == collection_id, inbox.c.image_id == image_id, inbox.c.reason.is_(None))
    return int(connection.execute(sa.delete(inbox).where(of)).rowcount)


def pending(connection: Connection, *, after: int = 0, limit: int = 500) -> list[Record]:
    """Entries of all collections that wait to be filed, by number, with the collection's name."""
    query = (
        sa.select(inbox, collections.c.name.label("collection"))
        .join_from(inbox, collections)
        .where(inbox.c.id > after, inbox.c.reason.is_(None))
        .order_by(inbox.c.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def failed(connection: Connection, collection_id: int, *, after: int = 0, limit: int = 100) -> list[Record]:
    """Failed entries of one collection with their reasons, in order; ``kept``: the database has the bytes."""
    kept = sa.exists().where(inbox_bytes.c.inbox_id == inbox.c.id).label("kept")
    query = (
        sa.select(inbox, kept).where(_failed_of(collection_id), inbox.c.id > after).order_by(inbox.c.id).limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def waiting(connection: Connection, collection_id: int | None = None, *, most: int | None = None) -> int:
    """Number of entries that wait to be filed, of a collection or of all; counts no further than ``most``."""
    query = sa.select(inbox.c.id).where(inbox.c.reason.is_(None))
    if collection_id is not None:
        query = query.where(inbox.c.collection_id == collection_id)
    if most is not None:
        query = query.limit(most)
    return int(connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())


def digests(connection: Connection, collection_id: int) -> set[str]:
    """SHA-256 digests of all entries of a collection, failed ones too."""
    query = sa.select(inbox.c.sha256).where(inbox.c.collection_id == collection_id, inbox.c.sha256.is_not(None))
    return set(connection.execute(query).scalars())


def clear_failed(connection: Connection, collection_id: int, *, sha256: str | None, source: str | None) -> list[str]:
    """Forget earlier failures of the same file or URL, or of the same bytes sent without either: it is tried again.

    Returns the SHA-256 digests of what was forgotten.
    """
    if source is not None:
        return _forget(connection, collection_id, inbox.c.source == source)
    return _forget(connection, collection_id, sa.and_(inbox.c.sha256 == sha256, inbox.c.source.is_(None)))


def forget_failed(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> list[str]:
    """Delete failed entries that name these images; returns the SHA-256 digests they had."""
    digests: list[str] = []
    for some in parts(image_ids):
        digests += _forget(connection, collection_id, inbox.c.image_id.in_(some))
    return digests


def _forget(connection: Connection, collection_id: int, which: sa.ColumnElement[bool]) -> list[str]:
    query = (
        sa.delete(inbox)
        .where(inbox.c.collection_id == collection_id, which, inbox.c.reason.is_not(None))
        .returning(inbox.c.sha256)
    )
    return [digest for digest in connection.execute(query).scalars() if digest is not None]


def _failed_of(collection_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(inbox.c.collection_id == collection_id, inbox.c.reason.is_not(None))


def _repeatable() -> sa.ColumnElement[bool]:
    kept = sa.exists().where(inbox_bytes.c.inbox_id == inbox.c.id)
    return sa.or_(inbox.c.stored, inbox.c.source.is_not(None), kept)


def _chosen(numbers: Sequence[int] | None) -> list[sa.ColumnElement[bool]]:
    if numbers is None:
        return [sa.true()]
    return [inbox.c.id.in_(some) for some in parts(numbers)]


_NO_ADDRESS: Mapping[str, Any] = {"url": None, "inside": False, "owner": None}
# made once: building a statement takes longer than running it
_HAVE_FAILED = Among(
    collections.c.id,
    lambda among: sa.select(
        collections.c.id, sa.exists().where(inbox.c.collection_id == collections.c.id, inbox.c.reason.is_not(None))
    ).where(among),
)
_SETTLE = sa.delete(inbox).where(inbox.c.id == sa.bindparam("n"))
_KEEP = sa.insert(inbox_bytes).inline()
_WITH_BYTES = (
    sa.select(*inbox.c, inbox_bytes.c.data)
    .join_from(inbox, inbox_bytes, inbox_bytes.c.inbox_id == inbox.c.id, isouter=True)
    .where(inbox.c.id == sa.bindparam("n"))
)
_ACCEPT = sa.insert(inbox).returning(inbox.c.id, sort_by_parameter_order=True)
_ACCEPT_AS = sa.insert(inbox).inline()
_NUMBERS = sa.text("SELECT nextval(pg_get_serial_sequence('inbox', 'id')) FROM generate_series(1, :n)")
_AHEAD: Final = 256
