"""What is said to a Qdrant server about shards, replicas, quantisation and order; no server runs here."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

models = pytest.importorskip("qdrant_client.models", reason="qdrant-client is not installed (extra 'server')")

from qdrant_client.models import ReplicaState  # noqa: E402

from categoriser.errors import CategoriserError, ConfigurationError  # noqa: E402
from categoriser.server_settings import StoreSettings  # noqa: E402
from categoriser.settings import Settings  # noqa: E402
from categoriser.store import QdrantServerStore  # noqa: E402
from categoriser.store.layout import TOGETHER, Layout  # noqa: E402
from categoriser.store.promotion import promoted  # noqa: E402
from tests.qdrant_stand_in import vector_server  # noqa: E402


def test_by_default_nothing_is_asked_for_and_search_is_exact() -> None:
    assert Layout().created_with() == {}
    assert Layout().written_with("anna") == {}
    assert Layout().searched_with() == models.SearchParams(exact=True)
    assert isinstance(Settings.load().store, StoreSettings)


def test_replicas_consistency_and_order_of_writes_are_asked_for() -> None:
    layout = Layout(shards=6, replicas=2, write_consistency=2, ordering="strong")
    assert layout.created_with() == {"shard_number": 6, "replication_factor": 2, "write_consistency_factor": 2}
    assert layout.written_with("anna") == {"ordering": models.WriteOrdering.STRONG}
    assert layout.read_with("anna") == {}


@pytest.mark.parametrize("quantisation", ["turbo", "scalar", "binary"])
def test_with_compressed_vectors_twice_as_many_are_put_in_order_by_whole_ones(quantisation: Any) -> None:
    layout = Layout(quantisation=quantisation)
    config = layout.created_with()["quantization_config"].model_dump()
    assert list(config) == [quantisation]
    if quantisation == "turbo":
        assert config["turbo"]["bits"] == models.TurboQuantBitSize.BITS4
    asked = layout.searched_with()
    assert (asked.exact, asked.quantization.rescore, asked.quantization.oversampling) == (False, True, 2.0)


def test_tenants_are_looked_for_in_their_own_shards_and_else_where_all_are() -> None:
    layout = Layout(own_shards=True, shards=3)
    assert layout.created_with() == {"sharding_method": models.ShardingMethod.CUSTOM}
    selector = models.ShardKeyWithFallback(target="anna", fallback=TOGETHER)
    assert layout.read_with("anna") == layout.written_with("anna") == {"shard_key_selector": selector}


class Server:
    """Answers about shards as a server would, and remembers what it was told."""

    def __init__(self, *states: ReplicaState | None) -> None:
        self.states = list(states)
        self.told: list[tuple[str, dict[str, Any]]] = []

    def ask(self, call: str, *arguments: Any, **options: Any) -> Any:
        if call == "collection_cluster_info":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            shards = [] if state is None else [SimpleNamespace(shard_key="anna", state=state)]
            return SimpleNamespace(local_shards=shards, remote_shards=[])
        self.told.append((call, {"arguments": arguments[1:], **options}))
        return True

    def __getattr__(self, name: str) -> str:
        return name


def test_a_large_tenant_gets_a_shard_is_copied_into_it_and_leaves_the_old_one() -> None:
    server = Server(None, ReplicaState.PARTIAL, ReplicaState.ACTIVE)
    assert promoted(server.ask, server, "points", "anna", 10)  # type: ignore[arg-type]
    (first, made), (second, copied), (third, left) = server.told
    assert (first, second, third) == ("create_shard_key", "cluster_collection_update", "delete")
    assert made == {"arguments": ("anna",), "initial_state": ReplicaState.PARTIAL}
    points = copied["arguments"][0].replicate_points
    assert (points.from_shard_key, points.to_shard_key) == (TOGETHER, "anna")
    assert left["shard_key_selector"] == TOGETHER
    for which in (points.filter, left["arguments"][0].filter):
        assert which.must[0].match.value == "anna"


def test_a_promotion_that_was_interrupted_goes_on_and_one_that_hangs_deletes_nothing() -> None:
    server = Server(ReplicaState.PARTIAL, ReplicaState.ACTIVE)
    assert not promoted(server.ask, server, "points", "anna", 10)  # type: ignore[arg-type]
    assert [call for call, _ in server.told] == ["delete"]
    server = Server(ReplicaState.PARTIAL)
    with pytest.raises(CategoriserError, match="Partial after 0 s"):
        promoted(server.ask, server, "points", "anna", 0)  # type: ignore[arg-type]
    assert server.told == []


@pytest.fixture(scope="module")
def shared() -> Iterator[QdrantServerStore]:
    with vector_server() as url:
        store = QdrantServerStore(url, 8, "test", grpc=False)
        yield store
        store.close()


def test_what_comes_late_changes_nothing_that_came_before_it(shared: QdrantServerStore, make_points: Any) -> None:
    first, later = make_points(["a", "b"], micro_ids=[1, 1]), make_points(["b", "a"], micro_ids=[9, 9])
    shared.put("late", first, order=5)
    shared.move("late", ["a"], [2], order=7)
    shared.put("late", later, order=6)  # a process that was cut off in between
    assert dict(zip(*_micros(shared, ["a", "b"]), strict=True)) == {"a": 2, "b": 9}
    shared.move("late", ["a", "b"], [3, 3], order=6)
    assert dict(zip(*_micros(shared, ["a", "b"]), strict=True)) == {"a": 2, "b": 3}
    shared.delete("late", ["a", "b"], order=6)
    assert shared.count("late") == 1
    shared.move("late", ["a"], [4], order=7)  # the same order once more
    shared.put("late", first)  # in any case
    assert dict(zip(*_micros(shared, ["a", "b"]), strict=True)) == {"a": 1, "b": 1}


def _micros(store: QdrantServerStore, image_ids: list[str]) -> tuple[list[str], list[int]]:
    points = store.fetch("late", image_ids)
    return list(points.image_ids), np.asarray(points.micro_ids).tolist()


def test_shards_of_their_own_have_to_be_set(shared: QdrantServerStore) -> None:
    with pytest.raises(ConfigurationError, match="own_shards"):
        shared.promote("anna")
