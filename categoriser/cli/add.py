"""``categoriser add``."""

from __future__ import annotations

import csv
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from categoriser.cli.options import (
    COLLECTION,
    LIBRARY,
    CollectionOption,
    EncoderOption,
    JsonOption,
    LibraryOption,
)
from categoriser.cli.output import print_json, print_refused, progress, say
from categoriser.cli.reach import UrlOption, filled
from categoriser.domain import Filed
from categoriser.errors import ConfigurationError
from categoriser.library import AddReport


class EngineName(StrEnum):
    """Who decodes and encodes."""

    HERE = "here"
    RAY = "ray"


def add(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Pictures, folders, .csv, .tsv or .parquet files, or URLs."),
    ],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    encoder: EncoderOption = None,
    recursive: Annotated[bool, typer.Option(help="Look into sub-folders.")] = True,
    image_column: Annotated[list[str] | None, typer.Option(help="Column of a table with paths or URLs.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Column of a table with ids.")] = None,
    start: Annotated[int, typer.Option(min=0, help="First row of a table.")] = 0,
    end: Annotated[int | None, typer.Option(min=0, help="Row of a table to stop before.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Most rows of a table.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write every input with its outcome to this CSV file.")] = None,
    engine: Annotated[EngineName, typer.Option(help="Who decodes and encodes files: ray needs the extra bulk.")] = (
        EngineName.HERE
    ),
    json: JsonOption = False,
) -> None:
    """Add pictures and wait until each is filed. Adding the same again changes nothing."""
    whole = AddReport()
    with filled(url, library, collection, encoder) as (target, describe):
        for source in sources:
            with progress(f"Adding {source}") as advance:
                part = target.add(
                    source,
                    recursive=recursive,
                    image_column=image_column,
                    id_column=id_column,
                    start=start,
                    end=end,
                    limit=limit,
                    progress=advance,
                    engine=engine.value,
                )
            _merge(whole, part)
        categories, unsorted = len(target.categories()), target.unsorted()
        summary = describe()
    if report is not None:
        _write_report(report, whole)
    if json:
        print_json({**_as_data(whole), "categories": categories, "unsorted": unsorted})
    else:
        _print(whole, categories, unsorted, summary)
    if whole.refused:
        raise typer.Exit(1)


def _merge(whole: AddReport, part: AddReport) -> None:
    whole.filed += part.filed
    whole.known += part.known
    whole.filed_from += part.filed_from
    whole.known_from += part.known_from
    whole.refused += part.refused
    whole.seconds += part.seconds
    whole.skipped = Counter(whole.skipped) + Counter(part.skipped)
    whole.unreadable = [*whole.unreadable, *part.unreadable]
    whole.left_out = [*whole.left_out, *part.left_out]


def _print(report: AddReport, categories: int, unsorted: int, summary: str) -> None:
    rate = f", {report.inputs / report.seconds:,.0f} pictures/s" if report.seconds > 0 else ""
    say(
        f"{len(report.filed)} filed, {len(report.known)} known before, {len(report.refused)} refused "
        f"in {report.seconds:.1f} s{rate}."
    )
    say(f"The collection has {categories} categories and {unsorted} unsorted images; its encoder {summary}.")
    if report.skipped:
        kinds = ", ".join(f"{count} {kind or 'without ending'}" for kind, count in report.skipped.items())
        say(f"Files that are no pictures by their name were left out: {kinds}.")
    for folder in report.left_out:
        say(f"A folder that categoriser made was left out: {folder}")
    for folder in report.unreadable:
        say(f"A folder could not be listed: {folder}")
    print_refused(report.refused, "all with --json or --report FILE.")


def _as_data(report: AddReport) -> dict[str, Any]:
    return {
        "filed": len(report.filed),
        "known": len(report.known),
        "refused": report.refused,
        "skipped": report.skipped,
        "unreadable": report.unreadable,
        "left_out": report.left_out,
        "seconds": report.seconds,
        "images": [*report.filed, *report.known],
    }


def _write_report(path: Path, report: AddReport) -> None:
    try:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            table = csv.writer(file)
            table.writerow(("status", "item", "category", "reason", "source"))
            filed = zip(report.filed, report.filed_from, strict=True)
            known = zip(report.known, report.known_from, strict=True)
            table.writerows(_filed_row("filed", one, source) for one, source in filed)
            table.writerows(_filed_row("known", one, source) for one, source in known)
            table.writerows(("refused", one.item, "", one.reason, one.item) for one in report.refused)
    except OSError as error:
        raise ConfigurationError(
            f"The pictures were added, but the report could not be written to {path}: {error.strerror}."
        ) from None


def _filed_row(status: str, filed: Filed, source: str) -> tuple[str, str, str, str, str]:
    return status, filed.image_id, filed.category or "unsorted", "", source
