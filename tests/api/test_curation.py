"""Plans, corrections, history and undo over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from categoriser import Library
from tests.api.conftest import serving
from tests.prepared import copy_of
from tests.whole import clusters

PATH = "/v1/collections/a"


def filled(folder: Path) -> None:
    with Library.open(folder, encoder="vectors:6") as library:
        collection = library.collection("a")
        collection.add_vectors([f"v{i}" for i in range(400)], clusters(400, 6, centres=5, seed=2, noise=0.3))


@contextmanager
def serving_copy(folder: Path) -> Iterator[httpx.Client]:
    with Library.open(copy_of(filled, folder), encoder="vectors:6") as library, serving(library) as service:
        yield service


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with serving_copy(tmp_path / "library") as service:
        yield service


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One for all tests that change nothing."""
    with serving_copy(tmp_path_factory.mktemp("unchanged") / "library") as service:
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


def test_groups_hold_every_category_and_image(client: httpx.Client) -> None:
    client.post(f"{PATH}/runs")
    answer = client.get(f"{PATH}/groups").json()
    listed = categories(client)
    assert {child: one["id"] for one in answer["groups"] for child in one["categories"]} == {
        one["id"]: one["group"] for one in listed
    }
    assert sum(one["size"] for one in answer["groups"]) + answer["unsorted"] == 400
    first = answer["groups"][0]
    assert client.get(f"{PATH}/groups/{first['id']}").json() == first
    inside = client.get(f"{PATH}/categories", params={"group": first["id"]}).json()["categories"]
    assert [one["id"] for one in inside] == first["categories"]
    assert client.get(f"{PATH}/groups/g999").status_code == 404
    assert client.get(f"{PATH}/categories", params={"group": "nonsense"}).status_code == 404
    version = client.get(PATH).json()["taxonomy_version"]
    assert client.get(f"{PATH}/versions/{version}").json()["groups"] == {one["id"]: one["group"] for one in listed}


def test_an_image_tells_its_memberships(client: httpx.Client) -> None:
    client.post(f"{PATH}/runs")
    first = str(categories(client)[0]["id"])
    chosen = images(client, first)[0]
    found = client.get(f"{PATH}/images/{chosen}").json()
    assert found["memberships"][0]["category"] == found["category"] == first
    assert found["memberships"][0]["main"]
    assert 0 < found["memberships"][0]["score"] <= 1
    assert client.get(f"{PATH}/images/{chosen}/why").json()["memberships"] == found["memberships"]


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
    unchanged: httpx.Client, path: str, body: dict[str, object] | None, status: int
) -> None:
    before = unchanged.get(PATH).json()["taxonomy_version"]
    answer = unchanged.post(f"{PATH}/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"].endswith((".", "changed."))
    assert unchanged.get(PATH).json()["taxonomy_version"] == before


def test_suggestions_are_listed_accepted_and_dismissed(client: httpx.Client) -> None:
    client.patch(PATH, json={"granularity": "fine"})
    client.post(f"{PATH}/runs")
    for category in categories(client):
        client.patch(f"{PATH}/categories/{category['id']}", json={"locked": True})
    client.patch(PATH, json={"granularity": "broad"})
    ran = client.post(f"{PATH}/runs").json()
    listed = client.get(f"{PATH}/suggestions").json()
    assert len(listed["suggestions"]) == ran["suggestions"] >= 3
    assert listed["next"] is None
    first = client.get(f"{PATH}/suggestions", params={"limit": 1}).json()
    rest = client.get(f"{PATH}/suggestions", params={"after": first["next"]}).json()
    assert first["suggestions"] + rest["suggestions"] == listed["suggestions"]
    merges = [one for one in listed["suggestions"] if one["kind"] == "merge"]
    late = client.post(f"{PATH}/suggestions/{merges[0]['id']}/accept", headers={"If-Match": '"1"'})
    assert late.status_code == 412
    done = client.post(f"{PATH}/suggestions/{merges[0]['id']}/accept")
    assert done.status_code == 200, done.text
    assert done.json()["moved"] == merges[0]["images"]
    assert client.get(f"{PATH}/categories/{merges[0]['source']}").json()["id"] == merges[0]["target"]
    left = client.get(f"{PATH}/suggestions").json()["suggestions"]
    assert client.post(f"{PATH}/suggestions/{left[0]['id']}/dismiss").json() == {"dismissed": left[0]["id"]}
    assert client.post(f"{PATH}/suggestions/{left[0]['id']}/accept").status_code == 409
    assert client.post(f"{PATH}/suggestions/999/dismiss").status_code == 404
    assert left[0]["id"] not in [one["id"] for one in client.get(f"{PATH}/suggestions").json()["suggestions"]]


def test_events_by_kind_and_the_undo_of_one(client: httpx.Client) -> None:
    first, second = (str(one["id"]) for one in categories(client)[:2])
    client.patch(f"{PATH}/categories/{first}", json={"label": "Trees"})
    client.post(f"{PATH}/moves", json={"image_ids": images(client, first)[:1], "category": second})
    several = client.get(f"{PATH}/events", params={"types": ["rename", "gather"]}).json()
    assert [one["kind"] for one in several["events"]] == ["rename", "gather"]
    assert several == client.get(f"{PATH}/events", params={"types": "gather,rename"}).json()
    assert client.get(f"{PATH}/events", params={"after": several["next"]}).json()["events"] == []
    unknown = client.get(f"{PATH}/events", params={"types": "rename,renamed"})
    assert unknown.status_code == 422
    assert unknown.json()["error"]["message"].startswith("types: 'renamed' is no kind of event; there are attach, ")
    undone = client.post(f"{PATH}/events/{several['events'][0]['cursor']}/undo")
    assert undone.status_code == 200
    assert undone.headers["ETag"] == f'"{undone.json()["version"]}"'
    assert all(one["label"] != "Trees" for one in categories(client))
    assert client.post(f"{PATH}/events/{several['events'][0]['cursor']}/undo").status_code == 409
    assert client.post(f"{PATH}/events/1/undo").status_code == 409  # an arrival
    assert client.post(f"{PATH}/events/99999/undo").status_code == 404


def test_the_last_is_taken_back_then_those_before_it_however_many_changed_nothing(client: httpx.Client) -> None:
    for _ in range(2):
        client.post(f"{PATH}/runs").raise_for_status()  # finds nothing to do
    category = categories(client)[0]["id"]
    for turn in range(60):  # undone again each time: more versions than a page of the history
        client.patch(f"{PATH}/categories/{category}", json={"locked": True}).raise_for_status()
        assert client.post(f"{PATH}/undo").json()["what"].startswith("lock of"), turn
    taken = client.post(f"{PATH}/undo").json()
    assert taken["what"] == "run"
    assert taken["moved"] > 0
    while (again := client.post(f"{PATH}/undo")).status_code == 200:
        assert again.json()["undone"] < taken["undone"]
        taken = again.json()
    assert again.status_code == 409
    assert again.json()["error"]["message"].startswith("Nothing of any run or correction")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "versions/{}"),
        ("GET", "versions?before={}"),
        ("POST", "versions/{}/undo"),
        ("POST", "events/{}/undo"),
        ("POST", "suggestions/{}/accept"),
        ("POST", "suggestions/{}/dismiss"),
        ("GET", "suggestions?after={}"),
        ("GET", "events?after={}"),
        ("GET", "failed?after={}"),
        ("GET", "categories/{}"),
        ("GET", "groups/{}"),
    ],
)
@pytest.mark.parametrize("number", [2**63, 10**40])
def test_a_number_that_nothing_can_have_is_told_in_a_sentence(
    unchanged: httpx.Client, method: str, path: str, number: int
) -> None:
    answer = unchanged.request(method, f"{PATH}/{path.format(number)}")
    assert answer.status_code in {404, 422}, answer.text
    assert answer.json()["error"]["message"].endswith(".")


def test_if_match_takes_only_what_can_be_a_version(client: httpx.Client) -> None:
    for told in ("9" * 5000, "x"):
        answer = client.post(f"{PATH}/rejections", json={"image_ids": ["v1"]}, headers={"If-Match": told})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")
