"""micros: the index of categories holds the counts too, so that sizes need no look at the rows"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BEFORE = "ix_micros_collection_id_category"
_AFTER = "ix_micros_collection_id_category_images"


def upgrade() -> None:
    op.create_index(_AFTER, "micros", ["collection_id", "category", "images"])
    op.drop_index(_BEFORE, "micros")


def downgrade() -> None:
    op.create_index(_BEFORE, "micros", ["collection_id", "category"])
    op.drop_index(_AFTER, "micros")
