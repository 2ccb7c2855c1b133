"""views: other groupings of the same pictures, texts, and what pictures were described as"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # never in a batch: SQLite would make the table anew, and with the old one the rows that refer to it would go
    op.add_column("collections", sa.Column("parent_key", sa.String(16), nullable=True))
    op.add_column("collections", sa.Column("wanted", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_collections_parent_key"), "collections", ["parent_key"])
    op.create_table(
        "views",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("lexicon", sa.JSON(), nullable=True),
        sa.Column("learned_from", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("parent_row", sa.BigInteger(), server_default="-1", nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_views_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", name=op.f("pk_views")),
    )
    op.create_table(
        "descriptions",
        sa.Column("collection_id", _Id, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("question", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_descriptions_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "sha256", "question", name=op.f("pk_descriptions")),
    )


def downgrade() -> None:
    op.drop_table("descriptions")
    # what is left of a view would be a collection under a name that nobody can write
    op.execute("DELETE FROM collections WHERE parent_key IS NOT NULL")
    op.drop_table("views")
    op.drop_index(op.f("ix_collections_parent_key"), "collections")
    for name in ("wanted", "parent_key"):
        op.execute(f"ALTER TABLE collections DROP COLUMN {name}")
