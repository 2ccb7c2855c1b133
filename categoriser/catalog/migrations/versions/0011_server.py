"""server: revisions of collections, who files what in the inbox, which processes live"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # never in a batch: SQLite would make the table anew, and with the old one the rows that refer to it would go
    for name in ("revision", "reshaped", "rewritten"):
        op.add_column("collections", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("inbox", sa.Column("owner", sa.String(64), nullable=True))
    op.add_column("inbox", sa.Column("claims", sa.Integer(), server_default="0", nullable=False))
    op.create_index(op.f("ix_outbox_collection_key"), "outbox", ["collection_key"])
    op.create_table(
        "processes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )


def downgrade() -> None:
    op.drop_table("processes")
    op.drop_index(op.f("ix_outbox_collection_key"), "outbox")
    for name in ("claims", "owner"):
        op.execute(f"ALTER TABLE inbox DROP COLUMN {name}")
    for name in ("rewritten", "reshaped", "revision"):
        op.execute(f"ALTER TABLE collections DROP COLUMN {name}")
