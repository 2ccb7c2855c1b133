"""names: where the name of a category comes from"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # never in a batch: SQLite would make the table anew, and with the old one the rows that refer to it would go
    op.add_column("categories", sa.Column("naming", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE categories DROP COLUMN naming")
