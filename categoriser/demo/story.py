"""The demo from beginning to end."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from categoriser.client import Client, RemoteCollection
from categoriser.demo.digits import write_digits
from categoriser.demo.page import UNSORTED_SHOWN, chosen_images, write_page
from categoriser.demo.report import Audience, DemoReport, Json, Search
from categoriser.demo.service import running_service
from categoriser.demo.stream import Streamed, stream
from categoriser.engine.quality import Agreement, agreement
from categoriser.errors import ConfigurationError, MissingExtraError, MissingWeightsError
from categoriser.intake import DEMO_MARKER, from_folder
from categoriser.settings import Settings

COLLECTION: Final = "demo"
_RESULTS: Final = 12
_ATTEMPTS: Final = 100  # while the service is busy


@dataclass(frozen=True, slots=True)
class Plan:
    """What to show.

    ``images`` None: handwritten digits. ``encoder`` None: ``classic`` for the digits, else the configured one.
    ``limit``: a random part of the pictures. ``classes_are_folders``: the folder of a picture is its true class.
    ``keep``: the service goes on until the audience has seen enough.
    """

    images: Path | None = None
    encoder: str | None = None
    output: Path = Path("demo")
    limit: int | None = None
    seed: int = 0
    classes_are_folders: bool = False
    words: str = "something red"
    keep: bool = False


def tell(plan: Plan, audience: Audience) -> DemoReport:
    """Show the service on the pictures of the plan.

    Raises:
        ConfigurationError: no pictures, or the output folder holds something that is not the demo's.
        MissingWeightsError: an encoder was asked for by name and its weights cannot be had.
    """
    if plan.images is None:
        plan = replace(plan, encoder=plan.encoder or "classic", classes_are_folders=True)
    library, thumbnails = plan.output / "library", plan.output / "thumbnails"
    _make_fresh(library)
    _make_fresh(thumbnails)
    root, names = _pictures(plan, audience)
    with ExitStack() as stack:
        service = _start(stack, plan, library, audience)
        audience.started(service)
        client = stack.enter_context(Client(service["listening"], attempts=_ATTEMPTS)).collection(COLLECTION)
        with audience.progress("Uploading") as progress:
            streamed = stream(client, root, names, progress)
        run: Json = client.run().model_dump() if streamed.accepted else {}
        report = _look(plan, client, service, streamed, run, audience)
        if plan.keep:
            audience.stay(report, f"{service['listening']}/c/{COLLECTION}")
        return report


def _start(stack: ExitStack, plan: Plan, library: Path, audience: Audience) -> Json:
    log = plan.output / "service.log"
    try:
        return stack.enter_context(running_service(library, plan.encoder, log))
    except (MissingWeightsError, MissingExtraError) as error:
        if plan.encoder is not None:  # asked for by name: nothing else will do
            raise
        audience.fell_back(Settings.load().encoder, str(error))
    return stack.enter_context(running_service(library, "classic", log))


def _look(
    plan: Plan, client: RemoteCollection, service: Json, streamed: Streamed, run: Json, audience: Audience
) -> DemoReport:
    """Ask the service for everything that it was given."""
    categories: list[Json] = [one.model_dump() for one in client.categories()] if streamed.accepted else []
    unsorted = client.category_page(limit=1).unsorted if streamed.accepted else 0
    members = {one["id"]: [image.id for image in client.images(category=one["id"])] for one in categories}
    members["unsorted"] = [image.id for image in client.images(category="unsorted")] if streamed.accepted else []
    places = Counter(image_id for ids in members.values() for image_id in ids)
    report = DemoReport(
        offered=len(streamed.accepted) + streamed.again + len(streamed.refused),
        accepted=len(streamed.accepted),
        again=streamed.again,
        refused=streamed.refused,
        lost=sum(1 for image_id in streamed.accepted if not places[image_id]),
        doubled=sum(1 for count in places.values() if count > 1),
        seconds=streamed.seconds,
        service=service,
        run=run,
        categories=categories,
        unsorted=unsorted,
        searches=_search(plan, client, service, categories, streamed),
        agreement=_agreement(streamed, members) if plan.classes_are_folders else None,
        page=plan.output / "index.html",
    )
    shown: dict[str, Sequence[str]] = {one["id"]: chosen_images(one, members[one["id"]]) for one in categories}
    shown["unsorted"] = members["unsorted"][:UNSORTED_SHOWN]
    with audience.progress("Making the page") as progress:
        write_page(client, report, shown, streamed.accepted, progress)
    return report


def _search(
    plan: Plan, client: RemoteCollection, service: Json, categories: Sequence[Json], streamed: Streamed
) -> list[Search]:
    searches = []
    exemplars = [one["exemplars"][0] for one in categories if one["exemplars"]] or list(streamed.accepted)[:1]
    if exemplars:
        found = _searched(client, image_id=exemplars[0])
        searches.append(
            Search(exemplars[0], streamed.accepted.get(exemplars[0], exemplars[0]), by_words=False, results=found)
        )
    if service["reads_text"] and streamed.accepted:
        searches.append(Search(plan.words, plan.words, by_words=True, results=_searched(client, text=plan.words)))
    return searches


def _searched(collection: RemoteCollection, **query: str) -> list[Json]:
    found = collection.search(text=query.get("text"), image_id=query.get("image_id"), limit=_RESULTS)
    return [one.model_dump() for one in found]


def _agreement(streamed: Streamed, members: Mapping[str, Sequence[str]]) -> Agreement | None:
    place = {image_id: category for category, ids in members.items() for image_id in ids}
    truth = [PurePosixPath(name).parent.as_posix() for name in streamed.accepted.values()]
    found = [place.get(image_id, "unsorted") for image_id in streamed.accepted]
    return agreement(truth, [None if one == "unsorted" else one for one in found]) if truth else None


def _pictures(plan: Plan, audience: Audience) -> tuple[Path, list[str]]:
    """Root folder and relative names, in random order."""
    root = plan.images
    if root is None:
        root = plan.output / "digits"
        with audience.progress("Writing the digits") as progress:
            write_digits(root, progress)
    names = [Path(name).as_posix() for name in from_folder(root).paths]
    if not names:
        raise ConfigurationError(f"{root} holds no pictures; give a folder of JPEG, PNG, WebP, HEIC or similar files.")
    random.Random(plan.seed).shuffle(names)  # noqa: S311 - an order, not a secret
    return root, names[: plan.limit]


def _make_fresh(folder: Path) -> None:
    """An empty folder; only what the demo itself made is ever deleted."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / DEMO_MARKER).exists():
            raise ConfigurationError(
                f"{folder} is not from an earlier demo and stays as it is: move it away, or choose another --output."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DEMO_MARKER).touch()
