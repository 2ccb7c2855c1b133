"""Plans, corrections, history and undo over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import serving
from tests.whole import clusters

PATH = "/v1/collections/a"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with Library.open(tmp_path / "library", encoder="vectors:6") as library:
        collection = library.collection("a")
        collection.add_vectors([f"v{i}" for i in range(400)], clusters(400, 6, centres=5, seed=2, noise=0.3))
        with serving(library) as service:
            yield service


def categories(client: httpx.Client) -> list[dict[str, object]]:
    found: list[dict[str, object]] = client.get(f"{PATH}/categories").json()["categories"]
    return found


def images(client: httpx.Client, category: str) -> list[str]:
    page = client.get(f"{PATH}/images", params={"category": category, "limit": 1000}).json()
    return [image["id"] for image in page["images"]]


def test_a_correction_and_its_undo(client: httpx.Client) -> None:
    first, second = (str(one["id"]) for one in categories(client)[:2])
    chosen = images(client, first)[:2]
    done = client.post(f"{PATH}/moves", json={"image_ids": chosen, "category": second})
    assert done.status_code == 200, done.text
    assert done.json()["moved"] == 2
    assert done.headers["ETag"] == f'"{done.json()["version"]}"'
    assert set(chosen) <= set(images(client, second))
    assert client.get(f"{PATH}/images/{chosen[0]}/why").json()["decided_by"] == "person"
    taken_back = client.post(f"{PATH}/versions/{done.json()['version']}/undo").json()
    assert set(chosen) <= set(images(client, first))
    history = client.get(f"{PATH}/versions").json()["versions"]
    assert [one["kind"] for one in history[:2]] == ["undo", "gather"]
    assert history[1]["undone_by"] == taken_back["version"]
    then = client.get(f"{PATH}/versions/{done.json()['version']}").json()["assignments"]
    assert {then[image_id] for image_id in chosen} == {second}
    twice = client.post(f"{PATH}/versions/{done.json()['version']}/undo")
    assert twice.status_code == 409


def test_an_edit_on_an_outdated_view_answers_412(client: httpx.Client) -> None:
    first = str(categories(client)[0]["id"])
    version = client.get(PATH).json()["taxonomy_version"]
    fresh = {"If-Match": f'"{version}"'}
    named = client.patch(f"{PATH}/categories/{first}", json={"label": "Trees"}, headers=fresh)
    assert named.status_code == 200
    late = client.patch(f"{PATH}/categories/{first}", json={"locked": True}, headers=fresh)
    assert late.status_code == 412
    assert f"version {version + 1}" in late.json()["error"]["message"]
    assert categories(client)[0]["label"] == "Trees"
    assert categories(client)[0]["named_by"] == "person"
    assert (
        client.patch(f"{PATH}/categories/{first}", json={"locked": True}, headers={"If-Match": "x"}).status_code == 422
    )


def test_a_plan_and_its_steps(client: httpx.Client) -> None:
    first = str(categories(client)[0]["id"])
    preview = client.get(f"{PATH}/categories/{first}/halves").json()
    cut = client.post(f"{PATH}/splits", json={"category": first, "label": "half"}).json()
    assert sorted(images(client, cut["category"])) == sorted(preview["leaves"])
    client.patch(PATH, json={"granularity": "fine"})
    plan = client.get(f"{PATH}/plan").json()
    assert 0 <= plan["churn"] <= 1
    ran = client.post(f"{PATH}/runs", json={"version": plan["version"], "steps": []})
    assert ran.status_code == 200
    assert ran.json()["moved"] == 0
    old = client.post(f"{PATH}/runs", json={"version": plan["version"]})
    assert old.status_code == 412
    now = client.get(f"{PATH}/plan").json()["version"]  # of the run, or of the names that followed it
    unknown = client.post(f"{PATH}/runs", json={"version": now, "steps": ["merge.1.2.3"]})
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("moves", {"image_ids": ["nobody"]}, 404),
        ("moves", {"image_ids": []}, 422),
        ("moves", {"image_ids": ["v1"], "category": "zzz-1"}, 404),
        ("moves", {"image_ids": ["v1"], "label": "   "}, 400),
        ("merges", {"winner": "0", "losers": ["0"]}, 400),
        ("rejections", {"image_ids": ["v1"], "category": "0"}, 422),
        ("splits", {"category": "999"}, 404),
        ("apart", {"one": "0", "other": "0"}, 400),
        ("versions/99/undo", None, 404),
    ],
)
def test_nonsense_is_refused_in_one_sentence(
    client: httpx.Client, path: str, body: dict[str, object] | None, status: int
) -> None:
    before = client.get(PATH).json()["taxonomy_version"]
    answer = client.post(f"{PATH}/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"].endswith((".", "changed."))
    assert client.get(PATH).json()["taxonomy_version"] == before
