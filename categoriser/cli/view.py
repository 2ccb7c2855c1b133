"""``categoriser views`` and ``categoriser view create | show | describe | delete``."""

from __future__ import annotations

import csv
import json
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
    existing_collection,
)
from categoriser.cli.output import counted, print_json, print_refused, print_table, progress, say
from categoriser.cli.reach import UrlOption, looked_at, worked_with
from categoriser.cli.reachable import ReachableView
from categoriser.domain import LARGEST_NUMBER, Refused
from categoriser.errors import ConfigurationError
from categoriser.library import Describer, EndpointDescriber, blip_describer, describe, estimate

commands = typer.Typer(
    help="Group the same pictures in another way. Other commands take --collection COLLECTION//VIEW.",
    no_args_is_help=True,
)
NameArgument = Annotated[str, typer.Argument(help="Name of the view.")]


def views(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """List the views of a collection."""
    with looked_at(url, library, collection) as found:
        rows = [_described(view) for view in found.views(limit=1_000_000)]
    if json:
        print_json({"views": rows})
        return
    shown = [(row["name"], row["criterion"], row["images"], row["categories"]) for row in rows]
    print_table(counted(len(rows), "view"), ("name", "criterion", "images#", "categories#"), shown)


@commands.command()
def create(
    name: NameArgument,
    criterion: Annotated[str, typer.Option(help="What its texts are about, in words that they use.")] = "",
    texts: Annotated[
        Path | None, typer.Option(help="A .csv with columns id and text, or .jsonl with the same.")
    ] = None,
    from_metadata: Annotated[str | None, typer.Option(help="Column of the pictures' table that is their text.")] = None,
    terms: Annotated[
        Path | None, typer.Option(help="A file with a term per line, for encoders that read text.")
    ] = None,
    ask_terms: Annotated[
        bool, typer.Option(help="Terms that answer the criterion, by the language model of the settings: one question.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="With --ask-terms: only say what that would take.")] = False,
    categories: Annotated[int | None, typer.Option(min=1, help="How many; without it that is found out.")] = None,
    text_encoder: Annotated[str | None, typer.Option(help="words, or sentence:MODEL.")] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    encoder: EncoderOption = None,
    json: JsonOption = False,
) -> None:
    """Make a view, or add texts to one that is there, and run the job on it."""
    with worked_with(url, library, collection, encoder) as found:
        chosen = None if terms is None else _lines(terms)
        if ask_terms:
            before = found.estimate_terms(criterion)
            if dry_run:
                print_json({"estimate": before}) if json else say(str(before))
                return
            if not json:
                say(str(before))
            chosen = found.candidate_terms(criterion)
            if not json:
                say("Terms: " + ", ".join(chosen))
        view = found.view(
            name,
            criterion=criterion,
            from_metadata=from_metadata,
            terms=chosen,
            categories=categories,
            encoder=text_encoder,
        )
        answers = [] if texts is None else view.add_texts(_read_texts(texts))
        view.run()
        result = _described(view)
    refused = [one for one in answers if isinstance(one, Refused)]
    if json:
        print_json({**result, "refused": refused})
    else:
        say(f"View {name!r} groups {result['images']} images into {result['categories']} categories.")
        print_refused(refused, "all with --json.")
    if refused:
        raise typer.Exit(1)


@commands.command()
def show(
    name: NameArgument,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_NUMBER, help="Most categories.")] = 50,
    offset: Annotated[int, typer.Option(min=0, max=LARGEST_NUMBER, help="Categories to leave out.")] = 0,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Show the categories of a view."""
    with worked_with(url, library, collection) as found:
        view = found.view(name)
        rows, unsorted = view.categories(offset=offset, limit=limit), view.unsorted()
    if json:
        print_json({"categories": rows, "unsorted": unsorted})
        return
    print_table(
        f"{len(rows)} categories, {unsorted} uncertain",
        ("size#", "name", "id"),
        [(c.size, c.label, c.id) for c in rows],
    )


@commands.command("describe")
def describe_pictures(
    name: NameArgument,
    url: Annotated[str, typer.Option(help="Endpoint that speaks OpenAI's chat protocol, up to /v1.")] = "",
    model: Annotated[str, typer.Option(help="Name of the model there.")] = "",
    blip: Annotated[str, typer.Option(help="Instead of an endpoint: blip on this machine, or blip:FOLDER.")] = "",
    key: Annotated[str | None, typer.Option(envvar="CATEGORISER_DESCRIBER_KEY", help="Its key.")] = None,
    cap: Annotated[int | None, typer.Option(min=0, help="Most pictures to describe in this call.")] = None,
    cost: Annotated[float, typer.Option(min=0, help="Of one description, to see what all cost.")] = 0.0,
    dry_run: Annotated[bool, typer.Option(help="Only say what it would take.")] = False,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Have a vision model describe the pictures under the view's criterion. It goes on where it was interrupted."""
    if bool(blip) == bool(url and model):
        raise ConfigurationError("Say who describes: --url and --model of an endpoint, or --blip blip.")
    describer: Describer = blip_describer(blip) if blip else EndpointDescriber(url, model, key=key, cost=cost)
    with existing_collection(library, collection) as found:
        view = found.view(name)
        before = estimate(view, describer)
        if not json:
            say(str(before))
        if dry_run:
            if json:
                print_json({"estimate": before})
            return
        with progress("Describing") as advance:
            report = describe(view, describer, cap=cap, progress=advance)
        view.run()
    if json:
        print_json({"estimate": before, "report": report})
    else:
        say(str(report))
        print_refused(report.failed, "all with --json.")
    if report.failed:
        raise typer.Exit(1)


@commands.command()
def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Delete a view with its categories and texts; the pictures stay."""
    if not yes:
        raise ConfigurationError(f"This deletes the categories and corrections of view {name!r}; repeat it with --yes.")
    with worked_with(url, library, collection) as found:
        count = found.delete_view(name)
    if json:
        print_json({"deleted": count})
    else:
        say(f"View {name!r} of {count} images is gone; the pictures are still there.")


def _described(view: ReachableView) -> dict[str, Any]:
    return {
        "name": view.name,
        "criterion": view.criterion,
        "images": len(view),
        "categories": len(view.categories()),
        "unsorted": view.unsorted(),
    }


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as text: {error}.") from None


def _read_texts(path: Path) -> dict[str, str]:
    """Image id → text, from columns or keys of these names."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = (
                list(csv.DictReader(file))
                if path.suffix == ".csv"
                else [json.loads(line) for line in file if line.strip()]
            )
        return {str(row["id"]): str(row["text"]) for row in rows}
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from None
    except KeyError as error:
        raise ConfigurationError(f"{path} lacks {error}: every row has an id and a text.") from None
