"""schedule: slots of the job, and each collection's own schedule"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # never in a batch: SQLite would make the table anew, and with the old one the rows that refer to it would go
    op.add_column("collections", sa.Column("seen_at_run", sa.String(64), nullable=True))
    op.add_column("collections", sa.Column("schedule", sa.String(255), nullable=True))
    op.add_column("collections", sa.Column("schedule_since", sa.Double(), nullable=True))
    op.create_table(
        "slots",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("slot", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_slots_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "kind", "slot", name=op.f("pk_slots")),
    )
    op.create_index(op.f("ix_slots_kind_slot"), "slots", ["kind", "slot"])


def downgrade() -> None:
    op.drop_index(op.f("ix_slots_kind_slot"), "slots")
    op.drop_table("slots")
    for name in ("schedule_since", "schedule", "seen_at_run"):
        op.execute(f"ALTER TABLE collections DROP COLUMN {name}")
