"""What models that name and describe were asked for a collection, added up by part and model."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables_naming import model_costs


@dataclass(frozen=True, slots=True)
class Cost:
    """What one model was asked. ``calls``: questions, or pictures described; ``tokens``: about; ``seconds`` it took."""

    part: str  # llm | captions | terms
    model: str
    calls: int
    tokens: int
    seconds: float
    first_at: float = 0.0  # seconds since the epoch
    last_at: float = 0.0


_COLUMNS = [model_costs.c[name] for name in Cost.__dataclass_fields__]


def of_collection(connection: Connection, collection_id: int) -> list[Cost]:
    """By part and model; as many as models were ever used."""
    query = (
        sa.select(*_COLUMNS)
        .where(model_costs.c.collection_id == collection_id)
        .order_by(model_costs.c.part, model_costs.c.model)
    )
    return [Cost(**row._mapping) for row in connection.execute(query)]


def add(connection: Connection, collection_id: int, cost: Cost) -> None:
    """Add to what is there."""
    now, model = time.time(), cost.model[:255]
    done = connection.execute(
        sa.update(model_costs)
        .where(
            model_costs.c.collection_id == collection_id,
            model_costs.c.part == cost.part,
            model_costs.c.model == model,
        )
        .values(
            calls=model_costs.c.calls + cost.calls,
            tokens=model_costs.c.tokens + cost.tokens,
            seconds=model_costs.c.seconds + cost.seconds,
            last_at=now,
        )
    )
    if not done.rowcount:
        connection.execute(
            sa.insert(model_costs).values(
                collection_id=collection_id,
                part=cost.part,
                model=model,
                calls=cost.calls,
                tokens=cost.tokens,
                seconds=cost.seconds,
                first_at=now,
                last_at=now,
            )
        )
