"""Words of a collection's own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables_naming import vocabularies


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a collection's people wrote. ``replaces``: only these words count, else they stand beside the service's."""

    text: str
    replaces: bool
    digest: str


_COLUMNS = [vocabularies.c[name] for name in OwnWords.__dataclass_fields__]


def find(connection: Connection, collection_id: int) -> OwnWords | None:
    """The words of a collection's own, if it has some."""
    row = connection.execute(sa.select(*_COLUMNS).where(vocabularies.c.collection_id == collection_id)).one_or_none()
    return None if row is None else OwnWords(**row._mapping)


def digest(connection: Connection, collection_id: int) -> str | None:
    """What changes with them; None where there are none."""
    query = sa.select(vocabularies.c.digest).where(vocabularies.c.collection_id == collection_id)
    return connection.execute(query).scalar_one_or_none()


def put(connection: Connection, collection_id: int, text: str, *, replaces: bool) -> None:
    """Replace a collection's own words; an empty text leaves it none."""
    connection.execute(sa.delete(vocabularies).where(vocabularies.c.collection_id == collection_id))
    if text.strip():
        marked = sha256(f"{replaces}\0{text}".encode()).hexdigest()[:16]
        connection.execute(
            sa.insert(vocabularies).values(
                collection_id=collection_id, text=text, replaces=replaces, digest=marked, changed_at=time.time()
            )
        )
