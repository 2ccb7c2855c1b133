"""How a Qdrant server keeps the points of an encoder: shards, replicas, quantisation; what requests say about it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from categoriser.domain import Where
from categoriser.store.payload import ADDED_AT, COLLECTION, MICRO_ID, ORDER, point_ids

with suppress(ImportError):  # said when a store is opened
    from qdrant_client import models

Quantisation = Literal["none", "turbo", "scalar", "binary"]
TOGETHER: Final = "together"  # key of the shards of collections without one of their own


@dataclass(frozen=True, slots=True)
class Layout:
    """What is fixed when a physical collection is made, and what goes with each request; 0 is the server's default.

    Args:
        shards: of the physical collection, or of all tenants without their own together.
        replicas: of each shard.
        write_consistency: replicas that must have a write before it is acknowledged.
        ordering: of writes: weak, medium or strong.
        quantisation: how vectors are compressed for search; with any, search is approximate.
        bits: per dimension, of "turbo".
        oversampling: how many times as many are looked at with compressed vectors, and put in order with whole ones.
        own_shards: large tenants can have shards of their own.
        conditional: an update changes no point that a later one has written.
    """

    shards: int = 0
    replicas: int = 0
    write_consistency: int = 0
    ordering: Literal["weak", "medium", "strong"] = "weak"
    quantisation: Quantisation = "none"
    bits: Literal["1", "1.5", "2", "4", "8"] = "4"
    oversampling: float = 2.0
    own_shards: bool = False
    conditional: bool = True

    def created_with(self) -> dict[str, Any]:
        """Arguments of the client's ``create_collection``."""
        given: dict[str, Any] = {
            "replication_factor": self.replicas or None,
            "write_consistency_factor": self.write_consistency or None,
            "quantization_config": self._quantised(),
            # of custom shards it is said with each key
            "shard_number": None if self.own_shards else self.shards or None,
            "sharding_method": models.ShardingMethod.CUSTOM if self.own_shards else None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def written_with(self, collection: str) -> dict[str, Any]:
        """Arguments of every write of a tenant."""
        given: dict[str, Any] = {} if self.ordering == "weak" else {"ordering": models.WriteOrdering(self.ordering)}
        return given | self.read_with(collection)

    def read_with(self, collection: str) -> dict[str, Any]:
        """Arguments of every read of a tenant."""
        selector = self.shards_of(collection)
        return {} if selector is None else {"shard_key_selector": selector}

    def shards_of(self, collection: str) -> models.ShardKeyWithFallback | None:
        """Where a tenant's points are: in shards of its own if it has any; None: wherever the server puts them."""
        return models.ShardKeyWithFallback(target=collection, fallback=TOGETHER) if self.own_shards else None

    def searched_with(self) -> models.SearchParams:
        """Exact, or by compressed vectors and put in order by whole ones."""
        if self.quantisation == "none":
            return models.SearchParams(exact=True)
        quantised = models.QuantizationSearchParams(rescore=True, oversampling=self.oversampling)
        return models.SearchParams(exact=False, quantization=quantised)

    def not_later_than(self, order: int) -> models.Filter | None:
        """The points that no order after this one has written; None: all."""
        if not order or not self.conditional:
            return None
        earlier = models.FieldCondition(key=ORDER, range=models.Range(lte=order))
        return models.Filter(should=[earlier, models.IsEmptyCondition(is_empty=models.PayloadField(key=ORDER))])

    def stamp(self, order: int) -> dict[str, int]:
        """What a point's payload says about the order that wrote it."""
        return {ORDER: order} if order and self.conditional else {}

    def _quantised(self) -> Any:
        match self.quantisation:
            case "turbo":
                bits = models.TurboQuantBitSize(f"bits{self.bits.replace('.', '_')}")
                return models.TurboQuantization(turbo=models.TurboQuantQuantizationConfig(bits=bits, always_ram=True))
            case "scalar":
                config = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
                return models.ScalarQuantization(scalar=config)
            case "binary":
                return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
            case "none":
                return None


def tenant(collection: str) -> models.FieldCondition:
    """The condition that no request goes without."""
    return models.FieldCondition(key=COLLECTION, match=models.MatchValue(value=collection))


def filter_of(collection: str, where: Where) -> models.Filter:
    """The points of a tenant inside ``where``."""
    must: list[models.Condition] = [tenant(collection)]
    if where.micro_ids is not None:
        wanted = [int(micro_id) for micro_id in where.micro_ids]
        must.append(models.FieldCondition(key=MICRO_ID, match=models.MatchAny(any=wanted)))
    if where.added_from is not None or where.added_before is not None:
        period = models.Range(gte=where.added_from, lt=where.added_before)
        must.append(models.FieldCondition(key=ADDED_AT, range=period))
    if not where.exclude_ids:
        return models.Filter(must=must)
    excluded = [str(id_) for id_ in point_ids(collection, where.exclude_ids)]
    return models.Filter(must=must, must_not=[models.HasIdCondition(has_id=[*excluded])])
