"""identity: what people decided, and a history that can be undone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = ("named_by", "locked", "hidden", "strictness", "checked_row")


def upgrade() -> None:
    with op.batch_alter_table("categories") as table:
        table.add_column(sa.Column("named_by", sa.String(8), nullable=True))
        table.add_column(sa.Column("locked", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("strictness", sa.Double(), server_default="0", nullable=False))
        table.add_column(sa.Column("checked_row", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "constraints",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_constraints_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "kind", "subject", "category", name=op.f("pk_constraints")),
    )
    op.create_table(
        "versions",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("last_cursor", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("change", sa.JSON(), nullable=False),
        sa.Column("undone_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_versions_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "version", name=op.f("pk_versions")),
    )


def downgrade() -> None:
    op.drop_table("versions")
    op.drop_table("constraints")
    with op.batch_alter_table("categories") as table:
        for name in _COLUMNS:
            table.drop_column(name)
