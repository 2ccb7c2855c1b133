"""Uploads that were answered before they were filed: who sent them keeps an id and asks what became of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables import Record, inbox
from categoriser.catalog.tables_uploads import upload_items, uploads


def new_token() -> str:
    """An id that nobody can guess: 160 random bits."""
    return secrets.token_urlsafe(20)


def note(connection: Connection, rows: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> None:
    """Note uploads (columns of ``uploads``) and their pictures (all columns of ``upload_items``)."""
    if rows:
        connection.execute(_NOTE, list(rows))
        connection.execute(_ITEMS, list(items))


def find(connection: Connection, collection_id: int, token: str) -> Record | None:
    """One upload of a collection; None: there is none, or it is another collection's."""
    query = sa.select(uploads).where(uploads.c.collection_id == collection_id, uploads.c.token == token)
    row = connection.execute(query).one_or_none()
    return None if row is None else dict(row._mapping)


def page(connection: Connection, collection_id: int, *, before: int | None = None, limit: int = 100) -> list[Record]:
    """Uploads of a collection, newest first, those before one of them."""
    query = sa.select(uploads).where(uploads.c.collection_id == collection_id)
    if before is not None:
        query = query.where(uploads.c.id < before)
    return [dict(row._mapping) for row in connection.execute(query.order_by(uploads.c.id.desc()).limit(limit))]


def items(connection: Connection, tokens: Sequence[str]) -> list[Record]:
    """The pictures of uploads by place. ``waiting``: the inbox has it, with ``attempts``, ``next_at``, ``problem``."""
    waits = sa.and_(inbox.c.id == upload_items.c.inbox_id, inbox.c.reason.is_(None))
    query = (
        sa.select(
            upload_items, inbox.c.id.is_not(None).label("waiting"), inbox.c.attempts, inbox.c.next_at, inbox.c.problem
        )
        .join_from(upload_items, inbox, waits, isouter=True)
        .where(upload_items.c.token.in_(tokens))
        .order_by(upload_items.c.token, upload_items.c.place)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def expire(connection: Connection, before: float) -> int:
    """Forget uploads that were accepted before then and wait for nothing; returns how many there were."""
    open_items = (
        sa.select(upload_items.c.token)
        .join_from(upload_items, inbox, sa.and_(inbox.c.id == upload_items.c.inbox_id, inbox.c.reason.is_(None)))
        .where(upload_items.c.token == uploads.c.token)
    )
    query = sa.delete(uploads).where(uploads.c.accepted_at < before, ~sa.exists(open_items))
    return int(connection.execute(query).rowcount)


_NOTE = sa.insert(uploads).inline()  # without asking for the numbers
_ITEMS = sa.insert(upload_items).inline()
