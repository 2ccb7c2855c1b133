"""One user of a service under soak, and what must hold for that user at the end."""

from __future__ import annotations

import csv
import io
import random
import threading
import time
from collections import Counter
from io import BytesIO

import httpx
import numpy as np
from PIL import Image

from benchmarks.soak.fleet import Fleet
from tests.whole import picture

_KEPT = 200  # pictures of a collection
_PATIENCE = 120.0  # seconds in which a killed service has to be back


class User:
    """One user, who does this and that, and knows what was acknowledged."""

    def __init__(self, number: int, fleet: Fleet, stop: threading.Event) -> None:
        self.name = f"user-{number}"
        self.rng = random.Random(number)
        self.fleet, self.stop = fleet, stop
        self.there: dict[str, int] = {}  # id → which picture
        self.promised: dict[str, int] = {}  # the same, of pictures that were answered before they were filed
        self.next = 0
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.http = httpx.Client(timeout=60, headers=fleet.headers(self.name))
        self.thread = threading.Thread(target=self._live, name=self.name)

    def _live(self) -> None:
        try:
            while not self.stop.is_set():
                self._one_thing()
        except Exception as error:  # the soak goes on, and tells at the end
            self.wrong.append(f"{self.name} gave up: {type(error).__name__}: {error}")

    def _one_thing(self) -> None:
        deeds = (
            [self._upload] * 8
            + [self._promise] * 2
            + [self._confirm, self._again, self._search, self._search, self._look, self._look]
        )
        deeds += [self._move, self._rename, self._merge, self._undo, self._run]
        if len(self.there) > _KEPT:
            deeds += [self._delete] * 20
        self.rng.choice(deeds if len(self.there) > 20 else [self._upload])()

    def ask(self, method: str, path: str, *, fine: tuple[int, ...] = (200, 201), **more: object) -> httpx.Response:
        """Ask until there is an answer: a killed service comes back."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = self.http.request(method, f"{self.fleet.address()}/v1/collections/{path}", **more)  # type: ignore[arg-type]
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in {429, 502, 503}:
                if answer.status_code not in fine:
                    self.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
                return answer
            if time.monotonic() > until:
                raise TimeoutError(f"{method} {path} had no answer within {_PATIENCE:.0f} s")
            time.sleep(0.2)

    def _upload(self) -> None:
        number = self.next
        self.next += 1
        self._send(f"{self.name}/{number}", number)

    def _again(self) -> None:
        self._send(*self.rng.choice(list(self.there.items())))

    def _send(self, image_id: str, number: int, *, promise: bool = False) -> None:
        kind = number % 12  # so that there is something to group
        data = picture(kind * 1000) if number < 12 else _alike(kind, number)
        answer = self.ask(
            "POST",
            f"{self.name}/images",
            fine=(200, 201, 202),
            files={"file": (f"{number}.png", data)},
            data={"id": image_id},
            headers={"Prefer": "respond-async"} if promise else {},
        )
        if answer.status_code == 202:
            self.promised[image_id] = number
            self.done["promises"] += 1
        elif answer.status_code in {200, 201}:
            self.there[image_id] = number
            self.done["uploads"] += 1

    def _promise(self) -> None:
        number = self.next
        self.next += 1
        self._send(f"{self.name}/{number}", number, promise=True)

    def _confirm(self) -> None:
        """See whether what was promised is there by now."""
        for image_id in list(self.promised)[:5]:
            answer = self.ask("GET", f"{self.name}/images/{image_id.replace('/', '%2F')}", fine=(200, 404))
            if answer.status_code == 200:
                self.there[image_id] = self.promised.pop(image_id)

    def _delete(self) -> None:
        image_id = self.rng.choice(list(self.there))
        # 404: the answer to an earlier try was lost with the process
        self.ask("DELETE", f"{self.name}/images/{image_id.replace('/', '%2F')}", fine=(200, 204, 404))
        del self.there[image_id]
        self.done["deletions"] += 1

    def _search(self) -> None:
        answer = self.ask("POST", f"{self.name}/search", json={"image_id": self._some(), "limit": 20})
        self._own(one["image_id"] for one in listed(answer, "results"))
        self.done["searches"] += 1

    def _look(self) -> None:
        answer = self.ask("GET", f"{self.name}/images", params={"limit": 100})
        self._own(one["id"] for one in listed(answer, "images"))
        self.done["looks"] += 1

    def _own(self, ids: object) -> None:
        strangers = [one for one in ids if not str(one).startswith(f"{self.name}/")]  # type: ignore[attr-defined]
        if strangers:
            self.wrong.append(f"{self.name} was shown {strangers[:3]}")

    def _some(self) -> str:
        return self.rng.choice(list(self.there))

    def _categories(self) -> list[str]:
        return [one["id"] for one in listed(self.ask("GET", f"{self.name}/categories"), "categories")]

    def _edit(self, kind: str, method: str, path: str, **body: object) -> None:
        # 404, 409, 412, 422: a run changed what was looked at, or the answer to the first try was lost
        answer = self.ask(method, f"{self.name}/{path}", fine=(200, 201, 404, 409, 412, 422), json=body or None)
        self.done[f"{kind}" if answer.status_code < 300 else f"{kind} refused"] += 1

    def _move(self) -> None:
        found = self._categories()
        target = self.rng.choice([*found, None]) if found else None
        self._edit("edits", "POST", "moves", image_ids=[self._some()], category=target)

    def _rename(self) -> None:
        if found := self._categories():
            label = f"{self.rng.choice('ABCDEF')} {self.rng.random():.6f}"
            self._edit("edits", "PATCH", f"categories/{self.rng.choice(found)}", label=label)

    def _merge(self) -> None:
        found = self._categories()
        if len(found) > 6:
            winner, loser = self.rng.sample(found, 2)
            self._edit("edits", "POST", "merges", winner=winner, losers=[loser])

    def _undo(self) -> None:
        found = listed(self.ask("GET", f"{self.name}/versions", params={"limit": 1}), "versions")
        if found:
            self._edit("undos", "POST", f"versions/{found[0]['version']}/undo")

    def _run(self) -> None:
        self._edit("runs", "POST", "runs")


def _alike(kind: int, number: int) -> bytes:
    base = np.asarray(Image.open(BytesIO(picture(kind * 1000))).convert("RGB"), np.int16)
    noisy = base + np.random.default_rng(number).integers(-40, 40, base.shape)
    out = BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def listed(answer: httpx.Response, *names: str) -> list[dict[str, str]]:
    if answer.status_code >= 300:
        return []
    body = answer.json()
    found = next((body[name] for name in names if name in body), None)
    if found is None:
        raise KeyError(f"none of {names} is in {list(body)}")
    return [one.get("image", one) if isinstance(one, dict) else one for one in found]


def final(user: User) -> tuple[int, int]:
    """Pictures lost and doubled; whatever else is not as it should be is noted."""
    expected = user.there.keys() | user.promised.keys()
    until = time.monotonic() + _PATIENCE
    while user.ask("GET", user.name).json()["images"] < len(expected) and time.monotonic() < until:
        time.sleep(0.2)  # what was promised is being filed
    text = user.ask("GET", f"{user.name}/export", params={"style": "csv"}).text
    ids = [one["image_id"] for one in csv.DictReader(io.StringIO(text))]
    lost, doubled = expected - set(ids), len(ids) - len(set(ids))
    more = set(ids) - expected
    if more:  # an upload without an answer is asked again until there is one, so there is no doubt about any
        user.wrong.append(f"{user.name} has {len(more)} pictures that nobody acknowledged, such as {sorted(more)[:3]}")
    count = user.ask("GET", user.name).json()["images"]
    sorted_into = user.ask("GET", f"{user.name}/categories", params={"limit": 1000}).json()
    sizes = sum(one["size"] for one in sorted_into["categories"]) + sorted_into["unsorted"]
    if not count == sizes == len(ids):
        user.wrong.append(f"{user.name}: {count} images, {sizes} in categories and Unsorted, {len(ids)} exported")
    if lost:
        user.wrong.append(f"{user.name} lost {sorted(lost)[:5]}")
    return len(lost), doubled
