"""Objects of object stores that were told of: the newest state of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import parts
from categoriser.catalog.tables import Record
from categoriser.catalog.tables_uploads import objects


def digest_of(bucket: str, key: str) -> str:
    """What an object is found by: keys are too long for an index."""
    return hashlib.sha256(f"{bucket}\x00{key}".encode("utf-8", "replace")).hexdigest()


def find(connection: Connection, collection_id: int, digests: Sequence[str]) -> dict[str, Record]:
    """Those of the objects that were told of, by digest."""
    found: dict[str, Record] = {}
    for some in parts(digests):
        query = sa.select(objects).where(objects.c.collection_id == collection_id, objects.c.digest.in_(some))
        found |= {row.digest: dict(row._mapping) for row in connection.execute(query)}
    return found


def put(connection: Connection, collection_id: int, states: Sequence[Mapping[str, Any]]) -> None:
    """Keep states (all columns but the collection) in the place of earlier ones."""
    if not states:
        return
    of = objects.c.collection_id == collection_id
    for some in parts([state["digest"] for state in states]):
        connection.execute(sa.delete(objects).where(of, objects.c.digest.in_(some)))
    connection.execute(sa.insert(objects), [{**state, "collection_id": collection_id} for state in states])


def outdated(connection: Connection, limit: int = 100) -> list[Record]:
    """Objects of all collections some images of which have to go, the oldest first."""
    query = sa.select(objects).where(objects.c.outdated.is_not(None)).order_by(objects.c.at).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def settle(connection: Connection, collection_id: int, digest: str, gone: Sequence[str]) -> None:
    """Note that these outdated images are gone."""
    of = sa.and_(objects.c.collection_id == collection_id, objects.c.digest == digest)
    now = connection.execute(sa.select(objects.c.outdated).where(of)).scalar_one_or_none()
    left = [one for one in now or [] if one not in gone]
    connection.execute(sa.update(objects).where(of).values(outdated=left or None))
