"""Tables of who may do what and who did what.

Keys lie here as digests. What signs tokens has to be readable: who can read this database has all the rest of it too.
"""

from __future__ import annotations

import sqlalchemy as sa

from categoriser.catalog.tables import metadata

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("number", _Id, primary_key=True, autoincrement=True),
    sa.Column("public_id", sa.String(16), nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),  # SHA-256 of the whole key
    sa.Column("generation", sa.Integer, nullable=False, server_default="1"),  # one more with each rotation
    sa.Column("previous_digest", sa.String(64), nullable=True),  # of the key before the rotation
    sa.Column("previous_until", sa.Double, nullable=True),
    sa.Column("scopes", sa.JSON, nullable=False),  # as text
    sa.Column("per_second", sa.Double, nullable=True),  # null: as the settings say; 0: no limit
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=True),
    sa.Column("revoked_at", sa.Double, nullable=True),
    sa.Column("last_used_at", sa.Double, nullable=True),  # coarse
    sqlite_autoincrement=True,
)

# what signs tokens: several while an earlier one still counts
token_secrets = sa.Table(
    "token_secrets",
    metadata,
    sa.Column("number", _Id, primary_key=True, autoincrement=True),
    sa.Column("secret", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("retires_at", sa.Double, nullable=True),  # null: the one that signs
    sqlite_autoincrement=True,
)

# tokens that were ended before their time, until that comes
ended_tokens = sa.Table(
    "ended_tokens",
    metadata,
    sa.Column("token_id", sa.String(32), primary_key=True),
    sa.Column("expires_at", sa.Double, nullable=False),
)

# names of deleted collections, as digests, until every token that was made for them has ended
closed_names = sa.Table(
    "closed_names",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)

# append-only; only the name of a collection that is deleted gives way to its key
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("cursor", _Id, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.String(16), nullable=True),  # public id of the key; null: nobody showed a valid one
    sa.Column("kind", sa.String(8), nullable=False),  # key | token | session | local | nobody
    sa.Column("route", sa.String(255), nullable=False),  # method and template, without names
    sa.Column("collection", sa.String(255), nullable=True),
    sa.Column("status", sa.Integer, nullable=False),  # that was answered
    sa.Column("denied", sa.Boolean, nullable=False),
    sa.Column("code", sa.String(64), nullable=True),  # why, of what was denied
    sa.Index(None, "who", "cursor"),
    sa.Index(None, "collection", "cursor"),
    sqlite_autoincrement=True,
)
