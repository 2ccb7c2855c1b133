"""Commands about what runs suggest and leave to people."""

from __future__ import annotations

from typing import Annotated

import typer

from categoriser.cli.curate import tell_edit
from categoriser.cli.options import (
    COLLECTION,
    LIBRARY,
    CollectionOption,
    JsonOption,
    LibraryOption,
)
from categoriser.cli.output import print_json, print_table, say
from categoriser.cli.reach import UrlOption, looked_at, worked_with
from categoriser.domain import LARGEST_NUMBER

SuggestionId = Annotated[
    int, typer.Argument(metavar="SUGGESTION", min=0, max=LARGEST_NUMBER, help="Id as `suggestions` lists it.")
]


def suggestions(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    after: Annotated[int, typer.Option(min=0, max=LARGEST_NUMBER, help="Id of the suggestion before the page.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Length of the page.")] = 100,
    json: JsonOption = False,
) -> None:
    """List what runs would change and leave to you; then: accept ID, or dismiss ID."""
    with looked_at(url, library, collection) as found:
        page = found.suggestions(after=after, limit=limit)
        names = {one.id: one.label for one in found.categories()}
    following = page[-1].id if len(page) == limit else None
    if json:
        print_json({"suggestions": page, "next": following})
        return
    if not page:
        say("None.")
        return
    elsewhere = {"split": "a new category", "release": "Unsorted"}
    rows = [
        (
            one.id,
            one.kind,
            names.get(one.source, one.source),
            elsewhere.get(one.kind) or names.get(one.target or "", one.target),
            f"{one.images:,}",
            one.reason,
        )
        for one in page
    ]
    print_table(f"Suggestions for {collection}", ("id#", "what", "from", "to", "images#", "held back as"), rows)
    if following is not None:
        say(f"There may be more: --after {following}")


def accept(
    suggestion: SuggestionId,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Do what a suggestion says."""
    with worked_with(url, library, collection) as found:
        tell_edit(found.accept(suggestion), json)


def dismiss(
    suggestion: SuggestionId,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Do not propose this any more, until what speaks for it has changed clearly."""
    with worked_with(url, library, collection) as found:
        found.dismiss(suggestion)
    if json:
        print_json({"dismissed": suggestion})
    else:
        say(f"Suggestion {suggestion} is dismissed.")
