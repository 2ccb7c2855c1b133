"""Tables of webhooks: who is told, how far, and what came of each attempt."""

from __future__ import annotations

import sqlalchemy as sa

from categoriser.catalog.tables import metadata

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only in a column of type INTEGER

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(32), nullable=False, unique=True),  # random, never reused: its public id
    # one of the two: the collection that it belongs to, or how the names of its collections begin
    sa.Column("collection_id", _Id, sa.ForeignKey("collections.id", ondelete="CASCADE"), nullable=True),
    sa.Column("prefix", sa.String(255), nullable=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("kinds", sa.JSON, nullable=False),  # empty: all
    sa.Column("secrets", sa.JSON, nullable=False),  # [[secret, valid until or null]], the newest first
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("disabled_at", sa.Double, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),  # why it is disabled, or what went wrong last
    sa.Column("failing_since", sa.Double, nullable=True),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),  # since the last success
    sa.Column("next_at", sa.Double, nullable=False, server_default="0"),  # not before
    sa.Column("seen_collection", sa.BigInteger, nullable=False, server_default="0"),  # with a prefix: looked at so far
    sa.Column("token", sa.BigInteger, nullable=False, server_default="0"),  # grows with every sender
    sa.Column("expires_at", sa.Double, nullable=False, server_default="0"),  # of the lease of the sender
    sa.Index(None, "collection_id"),
    sqlite_autoincrement=True,
)

webhook_cursors = sa.Table(
    "webhook_cursors",
    metadata,
    sa.Column("webhook_id", _Id, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("collection_id", _Id, sa.ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    sa.Column("cursor", sa.BigInteger, nullable=False),  # everything up to here was delivered
    sa.PrimaryKeyConstraint("webhook_id", "collection_id"),
    sa.Index(None, "collection_id"),
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("webhook_id", _Id, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("collection_id", _Id, sa.ForeignKey("collections.id", ondelete="CASCADE"), nullable=True),
    sa.Column("cursor", sa.BigInteger, nullable=True),  # null: a ping
    sa.Column("message", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer, nullable=True),  # of HTTP; null: there was no answer
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Index(None, "webhook_id", "id"),
    sa.Index(None, "collection_id"),
    sqlite_autoincrement=True,
)
