"""Commands that change a collection or write it out."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from categoriser.cli.options import (
    COLLECTION,
    LIBRARY,
    CollectionOption,
    JsonOption,
    LibraryOption,
)
from categoriser.cli.output import counted, print_json, print_refused, print_table, progress, say, tell, waiting
from categoriser.cli.reach import UrlOption, looked_at, whole, worked_with
from categoriser.cli.reachable import Reachable
from categoriser.errors import ConfigurationError, NotFoundError

_SHOWN = 20


class ExportStyle(StrEnum):
    """How an export looks."""

    FOLDERS = "folders"
    ZIP = "zip"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    FIFTYONE = "fiftyone"


class FileStyle(StrEnum):
    """What an export into folders puts there."""

    LINK = "link"
    COPY = "copy"


def run(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    step: Annotated[list[str] | None, typer.Option("--step", help="Only this step of `plan`; may be repeated.")] = None,
    json: JsonOption = False,
) -> None:
    """Run the job now: split, merge, spawn and refine categories."""
    with worked_with(url, library, collection) as found, waiting("Running the job"):
        report = found.apply(found.plan(), step) if step else found.run()
    if json:
        print_json(report)
        return
    spawned, present = (counted(one, "category", "categories") for one in (report.spawned, report.categories))
    say(
        f"{spawned} spawned, {report.split} split, {report.merged} merged, {counted(report.moved, 'image')} moved, "
        f"{report.absorbed} taken from Unsorted, {report.reconsidered} guesses mended in {report.seconds:.1f} s. "
        f"Now {present} and {counted(report.unsorted, 'unsorted image')}."
    )
    if report.suggestions:
        say(f"{report.suggestions} more steps are only suggested: categoriser suggestions lists them.")


def export(
    target: Annotated[
        Path, typer.Argument(help="A folder that is new or empty, or a file: .zip, .csv, .jsonl, .parquet.")
    ],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    style: Annotated[ExportStyle | None, typer.Option(help="By default from the ending of TARGET.")] = None,
    files: Annotated[FileStyle, typer.Option(help="In folders: links to the originals, or copies.")] = FileStyle.LINK,
    tags: Annotated[bool, typer.Option("--tags", help="With the words that fit each image.")] = False,
    nested: Annotated[bool, typer.Option("--nested", help="Folders of categories within those of groups.")] = False,
    category: Annotated[str | None, typer.Option(help='Only this category, or "unsorted".')] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that is known about the collection, as one ZIP with a manifest.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write images with their categories: one folder per category, or a table; or all that is known."""
    if everything:
        with looked_at(url, library, collection) as found, waiting(f"Exporting {collection}"):
            counts = found.save_everything(target)
        if json:
            print_json({"target": target, "counts": counts})
        else:
            say(f"Everything about {counted(counts['images'], 'image')} written to {target}.")
        return
    with looked_at(url, library, collection) as found, progress(f"Exporting {collection}") as advance:
        report = found.export(
            target,
            None if style is None else style.value,
            files="link" if files is FileStyle.LINK else "copy",
            tags=tags,
            nested=nested,
            selection=None if category is None else {"category": category},
            progress=advance,
        )
    if json:
        print_json({"written": report.written, **dataclasses.asdict(report)})
    else:
        say(f"{counted(report.written, 'image')} written to {report.target}.")
        if report.without_file:
            say(f"Its table lists all {report.images:,}; the others have no file:")
        print_refused(report.without_file, "all with --json.")
    if report.without_file:
        raise typer.Exit(1)


def delete(
    image_ids: Annotated[list[str] | None, typer.Argument(metavar="[IMAGE_ID]...", help="Ids of images.")] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    collection_and_all: Annotated[
        bool, typer.Option("--collection-and-all", help="The whole collection with all its images.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Delete images, or a collection, with everything known about them. Your own files stay."""
    if bool(image_ids) == collection_and_all:
        raise ConfigurationError("Give the ids of images to delete, or --collection-and-all, and not both.")
    with whole(url, library, resume=not dry_run) as opened:
        found = opened.collection(collection)
        ids = _existing(found, image_ids or [])
        doomed = len(found) if collection_and_all else len(ids)
        if not json:
            _preview(found, ids, doomed)
        if dry_run:
            deleted = 0
        else:
            if not yes and not typer.confirm(f"Delete {counted(doomed, 'image')} for good?", err=True):
                tell("Nothing was deleted.")
                raise typer.Exit(1)
            deleted = opened.delete_collection(collection) if collection_and_all else found.delete(ids)
    if json:
        print_json({"deleted": deleted, "would_delete": doomed, "dry_run": dry_run})
    else:
        say("Nothing was deleted: this was a dry run." if dry_run else f"{counted(deleted, 'image')} deleted.")


def _existing(collection: Reachable, image_ids: list[str]) -> list[str]:
    """The ids as given; one that is unknown stops the command before anything is lost by a typing error."""
    unknown = []
    for image_id in dict.fromkeys(image_ids):
        try:
            collection.image(image_id)
        except NotFoundError:
            unknown.append(image_id)
    if unknown:
        named = ", ".join(repr(image_id) for image_id in unknown[:5]) + (" and more" if len(unknown) > 5 else "")
        raise NotFoundError(f"Collection {collection.name!r} has no image {named}; nothing was deleted.")
    return list(dict.fromkeys(image_ids))


def _preview(collection: Reachable, ids: list[str], doomed: int) -> None:
    shown = [collection.image(image_id) for image_id in ids[:_SHOWN]] or collection.images(limit=_SHOWN)
    rows = [(image.id, image.label or "Unsorted", image.name) for image in shown]
    print_table(f"{counted(doomed, 'image')} of {collection.name} to delete", ("id", "category", "name"), rows)
    if doomed > len(shown):
        say(f"… and {doomed - len(shown):,} more.")
