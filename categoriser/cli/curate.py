"""Commands with which people change categories, look at what a run would change, and take things back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from categoriser.cli.options import (
    COLLECTION,
    LIBRARY,
    CollectionOption,
    JsonOption,
    LibraryOption,
)
from categoriser.cli.output import SHOWN, counted, print_json, print_table, say, waiting
from categoriser.cli.reach import UrlOption, looked_at, worked_with
from categoriser.domain import LARGEST_NUMBER, Edit
from categoriser.errors import ConfigurationError

ImageIds = Annotated[list[str], typer.Argument(metavar="IMAGE_ID...", help="Ids of images.")]
CategoryId = Annotated[str, typer.Argument(metavar="CATEGORY", help="Id of a category.")]
LabelOption = Annotated[str | None, typer.Option("--label", help="Name of the new category.")]


def plan(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Show what a run would change, and change nothing. Apply some of it with: run --step ID."""
    with looked_at(url, library, collection) as found, waiting("Planning"):
        made = found.plan()
        names = {one.id: one.label for one in found.categories()}
    if json:
        print_json(made)
        return
    rows = [
        (
            step.id,
            step.kind,
            names.get(step.source or "", step.source or "Unsorted"),
            names.get(step.target or "", step.target or "Unsorted"),
            f"{step.images:,}",
            "" if step.automatic else f"only suggested: {step.reason}",
        )
        for step in made.steps
    ]
    print_table(f"A run on {collection} now", ("step", "what", "from", "to", "images#", ""), rows)
    say(f"By itself it would take {made.churn:.1%} of {made.images:,} images to another category.")
    if made.groups:
        changed = [(one.group, one.kind, ", ".join(names.get(c, c) for c in one.categories)) for one in made.groups]
        print_table("Broad groups then", ("group", "what", "categories"), changed)


def undo(
    version: Annotated[
        int | None, typer.Argument(min=0, max=LARGEST_NUMBER, help="Version to take back; by default the last.")
    ] = None,
    event: Annotated[
        int | None,
        typer.Option("--event", min=0, max=LARGEST_NUMBER, help="Only what the event with this cursor says."),
    ] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Take back a run or a correction; repeated, it goes further back. An undo can be undone by its version."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.undo(version, event=event), json)


def versions(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    before: Annotated[
        int | None, typer.Option(min=1, max=LARGEST_NUMBER, help="Version before which the page begins.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Length of the page.")] = 30,
    json: JsonOption = False,
) -> None:
    """List runs and corrections, the newest first."""
    with looked_at(url, library, collection) as found:
        page = found.versions(before=before, limit=limit)
    following = page[-1].version if len(page) == limit else None
    if json:
        print_json({"versions": page, "next": following})
        return
    rows = [
        (
            str(one.version),
            one.kind,
            datetime.fromtimestamp(one.at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            f"{one.seconds:.2f}",
            f"undone by {one.undone_by}" if one.undone_by else "",
        )
        for one in page
    ]
    print_table(f"History of {collection}", ("version", "what", "when", "seconds#", ""), rows)
    if following is not None:
        say(f"There may be more: --before {following}")


def move(
    image_ids: ImageIds,
    to: Annotated[str | None, typer.Option("--to", help="Id of a category; without it a new one is made.")] = None,
    label: LabelOption = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Put images into a category, or into a new one; they never move by themselves again."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.move(image_ids, to, label=label), json)


def reject(
    image_ids: ImageIds,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Say that images are not what their category is: they go to Unsorted and never come back there."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.reject(image_ids), json)


def merge(
    category: CategoryId,
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Ids of categories that end.")],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Make categories one; the ids of the others lead to it for ever."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.merge(category, others), json)


def split(
    category: CategoryId,
    image_ids: Annotated[list[str] | None, typer.Argument(metavar="[IMAGE_ID]...", help="Images to take out.")] = None,
    label: LabelOption = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only show the two parts.")] = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Take images out of a category into a new one; without ids it is cut in two."""
    with worked_with(url, library, collection) as found:
        if not preview:
            tell_edit(found.split(category, image_ids or None, label=label), json)
            return
        stays, leaves = found.split_preview(category)
    if json:
        print_json({"stays": stays, "leaves": leaves})
        return
    more = f" and {len(leaves) - SHOWN:,} more" if len(leaves) > SHOWN else ""
    say(f"{counted(len(stays), 'image')} would stay, {len(leaves):,} would leave: {', '.join(leaves[:SHOWN])}{more}")


def rename(
    category: CategoryId,
    label: Annotated[str | None, typer.Argument(help="The name; without it, yours is taken back.")] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Give a category a name that no machine overwrites."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.rename(category, label), json)


def lock(
    category: CategoryId,
    off: Annotated[bool, typer.Option("--off", help="Unlock it.")] = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Keep runs from changing a category."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.lock(category, not off), json)


def hide(
    category: CategoryId,
    off: Annotated[bool, typer.Option("--off", help="Show it again.")] = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Mark a category as not to be shown."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.hide(category, not off), json)


def apart(
    category: CategoryId,
    other: Annotated[str, typer.Argument(help="Id of the other category.")],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Keep two categories from ever being merged by a run."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.never_merge(category, other), json)


def granularity(
    value: Annotated[str, typer.Argument(help="broad, balanced or fine.")],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Turn the dial; `plan` then shows what the next run makes of it."""
    if value not in {"broad", "balanced", "fine"}:
        raise ConfigurationError(f"The granularity can be broad, balanced or fine, not {value!r}.")
    with worked_with(url, library, collection) as found:
        tell_edit(found.set_granularity(value), json)  # type: ignore[arg-type]  # just checked


def why(
    image_id: Annotated[str, typer.Argument(metavar="IMAGE_ID", help="Id of an image.")],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Say why an image is where it is."""
    with looked_at(url, library, collection) as found:
        answer = found.why(image_id)
        names = {one.id: one.label for one in found.categories()}
    if json:
        print_json(answer)
        return
    label = names.get(answer.category or "", "Unsorted")
    said = {
        "person": "A person put it there.",
        "duplicate": f"It is a near-duplicate of {answer.stacked_on}.",
        "neighbours": "Its neighbours are there.",
        "nothing": "Too few images are like it.",
    }
    sentence = said[answer.decided_by]
    if answer.tentative:
        sentence = "More of its neighbours are there than anywhere else, but less than half; the next run decides anew."
    if answer.rejected:
        refused = ", ".join(names.get(one, one) for one in answer.rejected)
        told = f"A person said that it does not belong to {refused}."
        sentence = told if answer.category is None else f"{sentence} {told}"
    say(f"{image_id} is in {label}. {sentence}")
    near = [(one.category, one.label, f"{one.score:.2f}", "its own" if one.main else "") for one in answer.memberships]
    print_table("Categories that it belongs to", ("id", "label", "score#", ""), near)
    rows = [(category, names.get(category, ""), f"{share:.0%}") for category, share in answer.shares.items()]
    print_table("Categories of its neighbours", ("id", "label", "share#"), rows)
    print_table("Nearest images", ("id", "cosine#"), [(one, f"{cosine:.3f}") for one, cosine in answer.neighbours])


def tell_edit(done: Edit, json: bool) -> None:
    """Say what a correction did."""
    if json:
        print_json(done)
        return
    if not done.changed:
        say("Nothing was changed: it is so already.")
        return
    if done.undone is not None:
        say(f"Took back version {done.undone} ({done.what}).")
    moved = counted(done.moved, "image")
    say(f"Done: version {done.version}, {moved} moved. Take it back with: categoriser undo {done.version}")
    if done.category is not None:
        say(f"The new category is {done.category}.")
    if done.alike:
        say(f"{len(done.alike)} more look like this: {', '.join(done.alike)}")
