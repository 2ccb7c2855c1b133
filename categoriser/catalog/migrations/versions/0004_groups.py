"""groups: broad groups over categories; every category there is becomes a group of its own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "groups",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("retired_at", sa.Double(), nullable=True),
        sa.Column("merged_into", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_groups_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "number", name=op.f("pk_groups")),
    )
    # never in a batch: SQLite would make the tables anew, and with the old ones the rows that refer to them would go
    op.add_column("collections", sa.Column("next_group", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("categories", sa.Column("group_number", sa.BigInteger(), nullable=True))
    op.execute(
        "INSERT INTO groups (collection_id, number, created_at, retired_at, merged_into) "
        "SELECT collection_id, number, created_at, retired_at, merged_into FROM categories"
    )
    op.execute("UPDATE categories SET group_number = number")
    op.execute("UPDATE collections SET next_group = next_category")


def downgrade() -> None:
    op.execute("ALTER TABLE categories DROP COLUMN group_number")
    op.execute("ALTER TABLE collections DROP COLUMN next_group")
    op.drop_table("groups")
