"""Tables about names: words of a collection's own, and what models that name and describe were asked for it."""

from __future__ import annotations

import sqlalchemy as sa

from categoriser.catalog.tables import metadata

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _owner() -> sa.Column[int]:
    return sa.Column("collection_id", _Id, sa.ForeignKey("collections.id", ondelete="CASCADE"), nullable=False)


vocabularies = sa.Table(
    "vocabularies",
    metadata,
    _owner(),
    sa.Column("text", sa.Text, nullable=False),  # in the format of a vocabulary file
    sa.Column("replaces", sa.Boolean, nullable=False),  # only these words, else beside those of the service
    sa.Column("digest", sa.String(16), nullable=False),  # changes with the two above
    sa.Column("changed_at", sa.Double, nullable=False),
    sa.PrimaryKeyConstraint("collection_id"),
)

model_costs = sa.Table(
    "model_costs",
    metadata,
    _owner(),
    sa.Column("part", sa.String(16), nullable=False),  # llm | captions | terms
    sa.Column("model", sa.String(255), nullable=False),
    sa.Column("calls", sa.BigInteger, nullable=False),  # questions, or pictures that were described
    sa.Column("tokens", sa.BigInteger, nullable=False),  # sent and answered, about; 0 for pictures
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("first_at", sa.Double, nullable=False),
    sa.Column("last_at", sa.Double, nullable=False),
    sa.PrimaryKeyConstraint("collection_id", "part", "model"),
)
