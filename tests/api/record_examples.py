"""Uses every route of a real service and notes what was sent and answered: ``python -m tests.api.record_examples``.

What it notes is shipped as the examples of the interface's description.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

import categoriser.api
from categoriser import Library
from tests.api.conftest import serving
from tests.receiver import Receiver, receiving
from tests.whole import picture

EXAMPLES = Path(categoriser.api.__file__).with_name("examples.json")
SETTINGS = {"webhooks": {"allow_private_addresses": True}, "allow_private_addresses": True}
ANNA = "/v1/collections/anna"


class Recorder:
    """Notes requests and answers by operation; the first of each kind stays."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.found: dict[str, Any] = {}
        self._patterns = sorted(
            (
                (path.count("{"), method.upper(), re.compile(re.sub(r"{\w+}", "[^/]+", path) + "$"), one["operationId"])
                for path, methods in description["paths"].items()
                for method, one in methods.items()
            ),
            key=lambda entry: entry[0],
        )

    def note(self, answer: httpx.Response) -> None:
        """Of httpx."""
        answer.read()
        request = answer.request
        path = request.url.raw_path.decode().partition("?")[0]
        operation = next(name for _, how, which, name in self._patterns if how == request.method and which.match(path))
        assert answer.is_success, f"{request.method} {path}: {answer.text}"
        entry = self.found.setdefault(operation, {"responses": {}})
        if request.headers.get("content-type") == "application/json":
            entry.setdefault("request", json.loads(request.read()))
        if answer.headers.get("content-type") == "application/json":
            entry["responses"].setdefault(str(answer.status_code), answer.json())


def use_everything(client: httpx.Client, receiver: Receiver) -> None:
    """Every route that answers with JSON, each at least once with success."""
    sent = [(f"{seed}.png", picture(seed)) for seed in range(12)]
    first = client.post(f"{ANNA}/images", files={"file": ("cat.png", picture(99))}).json()
    client.post(f"{ANNA}/images", files={"file": ("cat.png", picture(99))})
    client.post(f"{ANNA}/images", files=[("files", one) for one in sent])
    client.post(f"{ANNA}/images", json={"url": f"{receiver.url}.png", "metadata": {"album": 7}})
    ids = [one["id"] for one in client.get(f"{ANNA}/images", params={"limit": 1000}).json()["images"]]
    one = client.post(f"{ANNA}/moves", json={"image_ids": ids[:4], "label": "Boats"}).json()["category"]
    other = client.post(f"{ANNA}/moves", json={"image_ids": ids[4:8], "label": "Harbours"}).json()["category"]
    third = client.post(f"{ANNA}/moves", json={"image_ids": ids[8:], "label": "Cats"}).json()
    client.post(f"{ANNA}/rejections", json={"image_ids": ids[-1:]})
    client.post(f"{ANNA}/apart", json={"one": one, "other": third["category"]})
    client.post(f"{ANNA}/splits", json={"category": third["category"], "image_ids": ids[8:9], "label": "Dogs"})
    client.get(f"{ANNA}/categories/{one}/halves")
    client.patch(f"{ANNA}/categories/{one}", json={"label": "Sailing boats"})
    client.post(f"{ANNA}/merges", json={"winner": one, "losers": [other]})
    client.patch(ANNA, json={"granularity": "fine"})
    image = f"{ANNA}/images/{quote(first['image_id'], safe='')}"
    for path in ("", "/categories", f"/categories/{one}", f"/categories/{one}/name", "/groups", "/plan", "/failed"):
        client.get(ANNA + path)
    client.get(f"{ANNA}/groups/{client.get(f'{ANNA}/groups').json()['groups'][0]['id']}")
    for path in (image, f"{image}/why"):
        client.get(path)
    client.post(f"{ANNA}/search", json={"image_id": first["image_id"], "limit": 2})
    client.post(f"{ANNA}/facets", json={"by": ["category", "month"]})
    client.get(f"{ANNA}/duplicates")
    client.get(f"{ANNA}/categories/{one}/similar", params={"limit": 2})
    client.post(f"{ANNA}/runs")
    client.post(f"{ANNA}/name")
    client.get(f"{ANNA}/events", params={"limit": 3, "types": "gather,run"})
    client.get(f"{ANNA}/versions", params={"limit": 2})
    client.get(f"{ANNA}/versions/1")
    client.get(f"{ANNA}/suggestions")
    gathered = client.get(f"{ANNA}/events", params={"types": "lock,apart"}).json()["events"][-1]["cursor"]
    client.post(f"{ANNA}/events/{gathered}/undo")
    client.post(f"{ANNA}/versions/{third['version']}/undo")
    client.post(f"{ANNA}/undo")
    client.put(f"{ANNA}/schedule", json={"schedule": "every 6h"})
    client.get(f"{ANNA}/schedule")
    client.get(f"{ANNA}/naming")
    client.put(f"{ANNA}/vocabulary", json={"text": "wine: merlot, syrah | shiraz"})
    client.get(f"{ANNA}/vocabulary")
    client.get(f"{ANNA}/vocabulary/words", params={"own": True})
    client.get("/v1/schedule")
    client.get("/v1/collections")
    client.get("/healthz")
    _use_views(client, ids)
    _use_webhooks(client, receiver)
    client.post(f"{ANNA}/deletions", json={"image_ids": ids[1:3]})
    client.delete(image)
    client.delete(ANNA, params={"confirm": "anna"})


def _use_views(client: httpx.Client, ids: list[str]) -> None:
    client.post(f"{ANNA}/views", json={"name": "mood", "criterion": "mood", "texts": {ids[0]: "a calm sea"}})
    client.post(f"{ANNA}/views/texts", params={"view": "mood"}, json={"texts": {ids[1]: "a wild storm"}})
    client.post(f"{ANNA}/views/estimate", json={"criterion": "mood", "from_metadata": "album"})
    client.get(f"{ANNA}/views")
    client.get(f"{ANNA}/views/attributes", params={"image_id": ids[0]})
    client.delete(f"{ANNA}/views", params={"view": "mood", "confirm": "mood"})


def _use_webhooks(client: httpx.Client, receiver: Receiver) -> None:
    for below, more in ((f"{ANNA}/webhooks", {}), ("/v1/webhooks", {"prefix": "shop/"})):
        hook = client.post(below, json={"url": receiver.url, "types": ["attach", "merge"], **more}).json()["id"]
        client.get(below)
        client.get(f"{below}/{hook}")
        client.post(f"{below}/{hook}/ping")
        client.post(f"{below}/{hook}/secret", json={"overlap_hours": 24})
        client.post(f"{below}/{hook}/replay", json={"after": 41})
        client.get(f"{below}/{hook}/deliveries")
        client.patch(f"{below}/{hook}", json={"enabled": True})
        client.delete(f"{below}/{hook}")


def recorded(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a service that was used for everything answered, by operation, and its own description."""
    with (
        receiving() as receiver,
        Library.open(folder, encoder="classic", **SETTINGS) as library,
        serving(library) as client,
    ):
        receiver.picture = picture(1000)
        description = client.get("/openapi.json").json()
        recorder = Recorder(description)
        client.event_hooks["response"].append(recorder.note)
        use_everything(client, receiver)
    told = json.dumps(recorder.found).replace(receiver.url, "https://example.org/hook")
    told = re.sub(r"whsec_[^\"]+", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", told)
    return json.loads(told), description


def main(say: Callable[[str], None] = print) -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        found, _ = recorded(Path(folder))
    EXAMPLES.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"{len(found)} operations written to {EXAMPLES}")


if __name__ == "__main__":
    main()
