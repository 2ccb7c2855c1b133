"""Tables of the upload hook: what was answered before it was filed, and what must not be done twice."""

from __future__ import annotations

import sqlalchemy as sa

from categoriser.catalog.tables import _JSON, _Id, _owner, metadata

# bytes of small pictures that wait: one commit makes many of them durable
inbox_bytes = sa.Table(
    "inbox_bytes",
    metadata,
    sa.Column("inbox_id", _Id, sa.ForeignKey("inbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# requests that were answered with an id to ask about
uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    _owner(),
    sa.Column("token", sa.String(32), nullable=False, unique=True),  # random: the public id
    sa.Column("accepted_at", sa.Double, nullable=False),
    sa.Index(None, "collection_id", "id"),
    sa.Index(None, "accepted_at"),
    sqlite_autoincrement=True,
)

upload_items = sa.Table(
    "upload_items",
    metadata,
    sa.Column("token", sa.String(32), sa.ForeignKey("uploads.token", ondelete="CASCADE"), nullable=False),
    sa.Column("place", sa.Integer, nullable=False),  # in the request
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("image_id", sa.Text, nullable=True),  # null: an address that was not fetched yet
    sa.Column("inbox_id", sa.BigInteger, nullable=True),  # null: refused at once
    sa.Column("code", sa.String(32), nullable=True),
    sa.Column("reason", sa.Text, nullable=True),  # set: it was refused
    sa.PrimaryKeyConstraint("token", "place"),
    sa.Index(None, "inbox_id"),
)

# answers that are given again to whoever sends the same request with the same key
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    _owner(),
    sa.Column("caller", sa.String(255), nullable=False),
    sa.Column("key", sa.String(255), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of the request
    sa.Column("owner", sa.String(32), nullable=False),  # the process that answers it
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("status", sa.Integer, nullable=True),  # null: in progress
    sa.Column("headers", _JSON, nullable=True),
    sa.Column("body", sa.LargeBinary, nullable=True),
    sa.PrimaryKeyConstraint("collection_id", "caller", "key"),
    sa.Index(None, "created_at"),
)

# the newest state of each object of an object store that was told of
objects = sa.Table(
    "objects",
    metadata,
    _owner(),
    sa.Column("digest", sa.String(64), nullable=False),  # of bucket and key
    sa.Column("bucket", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=True),
    sa.Column("etag", sa.Text, nullable=True),
    sa.Column("sequencer", sa.Text, nullable=True),
    sa.Column("image_id", sa.Text, nullable=True),  # null: it was removed
    sa.Column("outdated", _JSON, nullable=True),  # ids of images that have to go
    sa.Column("at", sa.Double, nullable=False),
    sa.PrimaryKeyConstraint("collection_id", "digest"),
)
