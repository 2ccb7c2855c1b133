"""Commands about names: name what needs one, say why a category is called so, look into the vocabulary."""

from __future__ import annotations

import json as json_module
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from categoriser.cli.options import (
    COLLECTION,
    LIBRARY,
    CollectionOption,
    EncoderOption,
    JsonOption,
    LibraryOption,
)
from categoriser.cli.output import print_json, print_table, say, tell, waiting
from categoriser.cli.reach import UrlOption, looked_at, worked_with
from categoriser.naming.vocabulary import read_vocabulary
from categoriser.settings import Settings, config_folder

_SHOWN = 40


def name(
    category: Annotated[str | None, typer.Argument(metavar="[CATEGORY]", help="Say why this one is called so.")] = None,
    encoder: EncoderOption = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Name the categories that need a name; with the id of a category, say why it is called what it is."""
    if category is not None:
        _why(url, library, collection, category, json)
        return
    with worked_with(url, library, collection, encoder) as found:
        with waiting("Naming"):
            report = found.name_categories()
        page = found.categories(limit=_SHOWN)
    if json:
        print_json(report)
        return
    rows = [(one.id, one.label, "provisional" if one.provisional else one.named_by, f"{one.size:,}") for one in page]
    print_table(f"Names in {collection}", ("id", "name", "by", "images#"), rows)
    say(
        f"{report.named} named ({report.provisional} of them only by their look), {report.renamed} renamed, "
        f"{report.suggested} suggested in {report.seconds:.1f} s."
    )
    for problem in report.problems:
        tell(problem, style="yellow")


def vocabulary(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Words to look up.")] = None,
    file: Annotated[
        list[Path] | None, typer.Option("--file", help="A vocabulary to check, instead of the one of the settings.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the words that categories may be called by, or what these words are kinds of."""
    settings = Settings.load().naming
    files = file or [Path(one).expanduser() for one in settings.vocabulary]
    found = read_vocabulary(files or [config_folder() / "vocabulary" / "english.txt"])
    if words:
        places = {word: found.find(word) for word in words}
        told = {
            word: None if place is None else [found.terms[one].word for one in (place, *found.ancestors(place))]
            for word, place in places.items()
        }
        if json:
            print_json(told)
        else:
            for word, chain in told.items():
                say(f"{word}: {'not there' if chain is None else ' → '.join(chain)}")
        return
    groups: dict[str, list[str]] = {}
    for term in found.terms:
        groups.setdefault(term.group, []).append(term.word)
    if json:
        print_json({"id": found.id, "words": len(found), "groups": groups})
        return
    rows = [(group, f"{len(some):,}", ", ".join(some[:12]) + " …") for group, some in groups.items()]
    print_table(f"{len(found):,} words, {found.id}", ("group", "words#", "for example"), rows)


def _why(url: str | None, library: Path, collection: str, category: str, json: bool) -> None:
    with looked_at(url, library, collection) as found:
        told = found.why_name(category)
    if json:
        print_json(told)
        return
    provisional = ", provisionally" if told.provisional else ""
    say(f"{told.category} is called {told.label!r} by {told.source or 'nobody'}{provisional}.")
    when = None if told.at is None else datetime.fromtimestamp(told.at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    facts = {
        "because": told.because,
        "named": when,
        "model": told.model,
        "prompt": told.prompt,
        **{name: json_module.dumps(value, ensure_ascii=False) for name, value in told.evidence.items()},
        "exemplars": ", ".join(told.exemplars),
        "might be": told.suggestion,
    }
    print_table("Why", ("", "value"), [(name, value) for name, value in facts.items() if value])
    if told.captions:
        print_table("What its exemplars show", ("image", "text"), list(told.captions.items()))
