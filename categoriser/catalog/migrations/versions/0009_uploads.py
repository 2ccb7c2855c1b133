"""the upload hook: uploads that are asked about, idempotency keys, retries, objects of object stores"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEW = ("url", "inside", "attempts", "next_at", "problem")


def upgrade() -> None:
    # never in a batch: SQLite would make the table anew
    op.add_column("inbox", sa.Column("url", sa.Text(), nullable=True))
    op.add_column("inbox", sa.Column("inside", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("inbox", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("inbox", sa.Column("next_at", sa.Double(), nullable=True))
    op.add_column("inbox", sa.Column("problem", sa.Text(), nullable=True))
    op.create_table(
        "inbox_bytes",
        sa.Column("inbox_id", _Id, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_inbox_bytes_inbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_inbox_bytes")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("accepted_at", sa.Double(), nullable=False),
        _owned("uploads"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("token", name=op.f("uq_uploads_token")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_uploads_collection_id_id"), "uploads", ["collection_id", "id"])
    op.create_index(op.f("ix_uploads_accepted_at"), "uploads", ["accepted_at"])
    op.create_table(
        "upload_items",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("image_id", sa.Text(), nullable=True),
        sa.Column("inbox_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["token"], ["uploads.token"], name=op.f("fk_upload_items_token"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", "place", name=op.f("pk_upload_items")),
    )
    op.create_index(op.f("ix_upload_items_inbox_id"), "upload_items", ["inbox_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("caller", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        _owned("idempotency_keys"),
        sa.PrimaryKeyConstraint("collection_id", "caller", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_table(
        "objects",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("sequencer", sa.Text(), nullable=True),
        sa.Column("image_id", sa.Text(), nullable=True),
        sa.Column("outdated", sa.JSON(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        _owned("objects"),
        sa.PrimaryKeyConstraint("collection_id", "digest", name=op.f("pk_objects")),
    )


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM inbox_bytes LIMIT 1")).first() is not None:
        raise RuntimeError("Accepted pictures wait in the inbox; let the service file them before going back.")
    for table in ("objects", "idempotency_keys", "upload_items", "uploads", "inbox_bytes"):
        op.drop_table(table)
    # the older version knows no addresses that wait
    op.execute("DELETE FROM inbox WHERE sha256 IS NULL AND reason IS NULL")
    for name in reversed(_NEW):
        op.execute(f"ALTER TABLE inbox DROP COLUMN {name}")


def _owned(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["collection_id"], ["collections.id"], name=op.f(f"fk_{table}_collection_id"), ondelete="CASCADE"
    )
