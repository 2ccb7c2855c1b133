"""Commands that only look: they change nothing and open no encoder."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from categoriser.cli.options import COLLECTION, LIBRARY, CollectionOption, JsonOption, LibraryOption
from categoriser.cli.output import print_json, print_table, say
from categoriser.cli.reach import UrlOption, looked_at, service
from categoriser.domain import LARGEST_NUMBER
from categoriser.library import Library

Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Length of the page.")]


def categories(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    group: Annotated[str | None, typer.Option(help="Id of a group: only its categories.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, max=LARGEST_NUMBER, help="Largest ones only.")] = None,
    json: JsonOption = False,
) -> None:
    """List categories, largest first."""
    with looked_at(url, library, collection) as found:
        page, unsorted, images = found.categories(group=group, limit=limit), found.unsorted(), len(found)
    if json:
        print_json({"categories": page, "unsorted": unsorted, "images": images})
        return
    rows = [
        (
            one.id,
            one.label,
            "provisional" if one.provisional else "",
            f"{one.size:,}",
            _cosine(one.cohesion),
            one.group,
        )
        for one in page
    ]
    print_table(f"{images:,} images in {collection}", ("id", "label", "", "images#", "cohesion#", "group"), rows)
    say(f"Unsorted: {unsorted:,}")


def groups(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """List broad groups of categories, largest first."""
    with looked_at(url, library, collection) as found:
        listed, unsorted = found.groups(), found.unsorted()
    if json:
        print_json({"groups": listed, "unsorted": unsorted})
        return
    rows = [(one.id, one.label, f"{one.size:,}", f"{len(one.categories):,}") for one in listed]
    print_table(f"Groups of {collection}", ("id", "label", "images#", "categories#"), rows)
    say(f"Unsorted: {unsorted:,}")


def images(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    category: Annotated[str | None, typer.Option(help='A category id, or "unsorted".')] = None,
    after: Annotated[str | None, typer.Option(help="Id of the image before the page.")] = None,
    limit: Limit = 100,
    json: JsonOption = False,
) -> None:
    """List images in order of arrival."""
    with looked_at(url, library, collection) as found:
        page = found.images(category=category, after=after, limit=limit)
    following = page[-1].id if len(page) == limit else None
    if json:
        print_json({"images": page, "next": following})
        return
    rows = [(one.id, one.label or "Unsorted", one.name, _when(one.added_at)) for one in page]
    print_table(f"Images of {collection}", ("id", "category", "name", "added"), rows)
    if following is not None:
        say(f"There may be more: --after {following}")


def show(
    image_id: Annotated[str, typer.Argument(metavar="IMAGE_ID", help="Id of an image.")],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Show what is known about an image."""
    with looked_at(url, library, collection) as found:
        image = found.image(image_id, tags=True)
    if json:
        print_json(image)
        return
    facts = dataclasses.asdict(image) | {
        "added_at": _when(image.added_at),
        "label": image.label or "Unsorted",
        "tags": ", ".join(f"{tag.word} {tag.score:.2f}" for tag in image.tags or ()) or None,
    }
    print_table("Image", ("", "value"), [(name, value) for name, value in facts.items() if value not in (None, {})])


def collections(url: UrlOption = None, library: LibraryOption = LIBRARY, json: JsonOption = False) -> None:
    """List collections."""
    listed = _collections_of_service(url) if url else _collections_of_library(library)
    if json:
        print_json({"collections": listed})
        return
    rows = [(one["name"], f"{one['images']:,}", one["encoder"]) for one in listed]
    print_table(f"Collections of {url or library}", ("name", "images#", "encoder"), rows)


def events(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    after: Annotated[int, typer.Option(min=0, max=LARGEST_NUMBER, help="Cursor to start behind.")] = 0,
    kinds: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this kind; may be repeated.")
    ] = None,
    limit: Limit = 100,
    json: JsonOption = False,
) -> None:
    """Read the log, oldest first."""
    with looked_at(url, library, collection) as found:
        page, following = found.events_and_next(after=after, types=kinds or (), limit=limit)
    if json:
        print_json({"events": page, "next": following})
        return
    rows = [
        (one.cursor, _when(one.at), one.kind, ", ".join(f"{name}: {value}" for name, value in one.detail.items()))
        for one in page
    ]
    print_table(f"Events of {collection}", ("cursor#", "at", "kind", "detail"), rows)


def _collections_of_service(url: str) -> list[dict[str, Any]]:
    with service(url) as client:
        return [one.model_dump(include={"name", "images", "encoder"}) for one in client.collections()]


def _collections_of_library(library: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    with Library.open(library, create=False, resume=False) as opened:
        page = opened.collections(limit=1000)
        while page:
            listed += [{"name": one.name, "images": len(one), "encoder": one.row.encoder_id} for one in page]
            page = opened.collections(after=page[-1].name, limit=1000)
    return listed


def _cosine(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
