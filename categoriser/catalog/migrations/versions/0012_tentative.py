"""micros: whether the category is only the best guess at arrival"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("micros") as batch:
        batch.add_column(sa.Column("tentative", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("micros") as batch:
        batch.drop_column("tentative")
