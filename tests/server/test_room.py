"""The bound of the inbox holds over all processes that fill it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from categoriser import Library
from categoriser.catalog.tables import inbox
from categoriser.errors import BusyError, CrowdedError
from categoriser.intake import Item
from categoriser.state.queue import prepare
from tests.api.conftest import serving
from tests.waiting import wait_until
from tests.whole import picture

Open = Callable[..., Library]


def accepted(library: Library, name: str, seed: int, number: int = 1) -> type[BusyError] | None:
    """Leave pictures in the inbox; what was said if there was no room."""
    row = library.collection(name).row
    items = [Item(f"{one}.png", data=picture(one)) for one in range(seed, seed + number)]
    promised = [library.uploads.prepare(row, item) for item in items]
    try:
        library.uploads.promise(row, promised)[1].result(timeout=60)
    except BusyError as error:
        return type(error)
    return None


def waiting(library: Library) -> int:
    with library.storage.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()


@pytest.mark.parametrize(("bound", "said"), [("waiting", BusyError), ("waiting_per_collection", CrowdedError)])
def test_two_services_accept_no_more_than_one_may(opened: Open, bound: str, said: type[BusyError]) -> None:
    services = [opened("classic", uploads={bound: 20}) for _ in range(2)]
    prepare(services[0].storage.database.engine)
    services[0].collection("a")
    refusals: list[type[BusyError] | None] = []

    def flood(service: Library, first: int) -> None:
        refusals.extend(accepted(service, "a", seed) for seed in range(first, first + 30))

    floods = [threading.Thread(target=flood, args=(one, 100 * place)) for place, one in enumerate(services)]
    for one in floods:
        one.start()
    for one in floods:
        one.join()
    assert waiting(services[0]) == refusals.count(None) <= 20
    assert set(refusals) == {None, said}
    # whoever comes again and again gets the rest, and not one more
    wait_until(lambda: [accepted(one, "a", 7) for one in services] and waiting(services[0]) >= 19, seconds=60)
    assert waiting(services[1]) <= 20
    assert accepted(services[0], "a", 300, number=5) is said


def test_who_is_turned_away_is_told_when_to_come_back(opened: Open) -> None:
    first = opened("classic", uploads={"waiting_per_collection": 1})
    second = opened("classic", uploads={"waiting_per_collection": 1})
    prepare(first.storage.database.engine)
    first.collection("a")
    with first.storage.database.write() as connection:
        entry = {"name": "x", "stored": False, "accepted_at": 0.0, "collection_id": first.collection("a").row.id}
        connection.execute(sa.insert(inbox).values(**entry))
    with serving(second) as client:
        answer = client.post(
            "/v1/collections/a/images", files={"file": picture(1)}, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["error"]["code"] == "crowded"
