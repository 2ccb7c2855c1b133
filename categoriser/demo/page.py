"""The contact sheet: one HTML file and a folder of thumbnails beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from categoriser.client import RemoteCollection
from categoriser.demo.report import DemoReport, Json

SHOWN: Final = 24  # pictures per category: full rows of 8 and of 6
UNSORTED_SHOWN: Final = 36
_FETCHING: Final = 4  # requests at a time


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture on the page."""

    image_id: str
    name: str
    file: str  # relative to the page
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One category on the page."""

    label: str
    provisional: bool
    id: str
    size: int
    cohesion: float | None
    tiles: Sequence[Tile]


def chosen_images(category: Json, members: Sequence[str]) -> list[str]:
    """The images of a category that are shown: exemplars first."""
    return list(dict.fromkeys([*(one for one in category["exemplars"] if one in set(members)), *members]))[:SHOWN]


def write_page(
    client: RemoteCollection,
    report: DemoReport,
    shown: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    progress: Callable[[int, int | None], None],
) -> None:
    """Write ``report.page``.

    Args:
        client: where thumbnails are fetched.
        report: everything but the pictures.
        shown: image ids by category id, or by "unsorted".
        names: file name by image id.
        progress: told about every thumbnail.
    """
    wanted = [image_id for ids in shown.values() for image_id in ids]
    wanted += [query.query for query in report.searches if not query.by_words]
    wanted += [result["image_id"] for query in report.searches for result in query.results]
    wanted = list(dict.fromkeys(wanted))
    folder = report.page.parent / "thumbnails"
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}

    def fetch(numbered: tuple[int, str]) -> tuple[str, str]:
        number, image_id = numbered
        file = folder / f"{number}.jpg"
        file.write_bytes(client.thumbnail(image_id))
        return image_id, f"{folder.name}/{file.name}"

    with ThreadPoolExecutor(_FETCHING) as pool:
        for done, (image_id, file) in enumerate(pool.map(fetch, enumerate(wanted)), 1):
            files[image_id] = file
            progress(done, len(wanted))

    def tile(image_id: str, note: str = "") -> Tile:
        return Tile(image_id, names.get(image_id, image_id), files[image_id], note)

    sections = [
        Section(
            label=one["label"],
            provisional=one["provisional"],
            id=one["id"],
            size=one["size"],
            cohesion=one["cohesion"],
            tiles=[tile(image_id) for image_id in shown[one["id"]]],
        )
        for one in report.categories
    ]
    searches = [
        {
            "words": query.query if query.by_words else None,
            "tile": None if query.by_words else tile(query.query),
            "tiles": [tile(result["image_id"], f"{result['score']:.2f}") for result in query.results],
        }
        for query in report.searches
    ]
    _render(report, sections=sections, unsorted=[tile(one) for one in shown["unsorted"]], searches=searches)


def _render(report: DemoReport, **parts: Any) -> None:
    environment = Environment(
        loader=PackageLoader("categoriser.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("page.html.j2").render(report=report, shown=SHOWN, **parts)
    partial = report.page.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.replace(report.page)
