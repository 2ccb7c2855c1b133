"""``categoriser search``, ``facets``, ``duplicates`` and ``similar``."""

from __future__ import annotations

import json as json_module
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
from categoriser.cli.output import counted, print_json, print_table, say
from categoriser.cli.reach import UrlOption, looked_at, worked_with
from categoriser.errors import ConfigurationError
from categoriser.library import Clue, Filter, SearchQuery

CategoryOption = Annotated[list[str] | None, typer.Option(help='Only in this category, or in "unsorted"; repeatable.')]
GroupOption = Annotated[list[str] | None, typer.Option(help="Only in categories of this group; repeatable.")]
TagOption = Annotated[
    list[str] | None,
    typer.Option(help="Only images with this word, or a kind of it, among their tags; may be repeated."),
]
MetaOption = Annotated[
    list[str] | None,
    typer.Option(help='A condition on metadata: KEY=VALUE, or KEY={"gte": 4} and the like in JSON; repeatable.'),
]
FilterOption = Annotated[str | None, typer.Option("--filter", help="A whole filter as JSON, as over HTTP.")]


def search(
    text: Annotated[str | None, typer.Argument(help="Words to search for.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="A picture file to search with; repeatable.")] = None,
    image_id: Annotated[list[str] | None, typer.Option(help="A stored image to search with; repeatable.")] = None,
    like: Annotated[list[str] | None, typer.Option(help="A category to search with; repeatable.")] = None,
    also: Annotated[list[str] | None, typer.Option(help="More words to search for; repeatable.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Words to search against; repeatable.")] = None,
    without_image: Annotated[list[Path] | None, typer.Option(help="A picture to search against.")] = None,
    without_id: Annotated[list[str] | None, typer.Option(help="A stored image to search against.")] = None,
    category: CategoryOption = None,
    group: GroupOption = None,
    tag: TagOption = None,
    meta: MetaOption = None,
    filter_: FilterOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most results.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="Results to leave out.")] = 0,
    cursor: Annotated[str | None, typer.Option(help='"next" of the page before, all else the same.')] = None,
    min_score: Annotated[float | None, typer.Option(min=-1, max=1, help="Least cosine.")] = None,
    min_relevance: Annotated[
        float | None, typer.Option(min=0, max=1, help="Least relevance; 0 shows everything, by default what fits.")
    ] = None,
    diversity: Annotated[float, typer.Option(min=0, max=1, help="How much results should differ.")] = 0.0,
    by_category: Annotated[bool, typer.Option("--by-category", help="The best few of each category.")] = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    encoder: EncoderOption = None,
    json: JsonOption = False,
) -> None:
    """Find images by words, pictures, stored images or categories, for and against, or by tags alone."""
    words = [] if text is None else [text]
    wanted = [
        *(Clue(text=one) for one in (*words, *(also or ()))),
        *(Clue(image=one) for one in image or ()),
        *(Clue(image_id=one) for one in image_id or ()),
        *(Clue(category=one) for one in like or ()),
    ]
    unwanted = [
        *(Clue(text=one) for one in without or ()),
        *(Clue(image=one) for one in without_image or ()),
        *(Clue(image_id=one) for one in without_id or ()),
    ]
    query = SearchQuery(
        wanted=wanted,
        unwanted=unwanted,
        filter=_filter(category, group, tag, meta, filter_),
        limit=limit,
        offset=offset,
        cursor=cursor,
        min_score=min_score,
        min_relevance=min_relevance,
        diversity=diversity,
        group_by="category" if by_category else None,
    )
    with worked_with(url, library, collection, encoder) as found:
        page = found.search_page(query)
    if json:
        print_json(page)
        return
    rows = [
        (
            f"{one.score:.3f}",
            "" if one.relevance is None else f"{one.relevance:.2f}",
            one.image_id,
            one.label or "Unsorted",
            one.name,
        )
        for one in page.results
    ]
    print_table(f"{len(rows)} found", ("score#", "relevance#", "id", "category", "name"), rows)
    if not rows and page.min_relevance:
        say("Nothing is like it enough; --min-relevance 0 shows what is nearest all the same.")


def facets(
    by: Annotated[
        list[str] | None, typer.Option(help="category, group, month, taken, format or tag; repeatable.")
    ] = None,
    category: CategoryOption = None,
    group: GroupOption = None,
    tag: TagOption = None,
    meta: MetaOption = None,
    filter_: FilterOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Values of each.")] = 20,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Count images by category, group, month and so on."""
    wanted: Any = by or ("category", "group", "month")
    with looked_at(url, library, collection) as opened:
        found = opened.facets(wanted, filter=_filter(category, group, tag, meta, filter_), limit=limit)
    if json:
        print_json({"facets": found})
        return
    for one in found:
        rows = [(f"{value.count:,}", value.value, value.label) for value in one.counts]
        rows += [(f"{one.others:,}", "", "others")] if one.others else []
        print_table(f"by {one.facet}", ("images#", "value", "label"), rows)


def duplicates(
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Also group images whose vectors are that like the first's.")
    ] = None,
    after: Annotated[int | None, typer.Option(min=-1, help='"next" of the page before.')] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Groups on the page.")] = 20,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """List groups of images that are nearly the same."""
    with looked_at(url, library, collection) as opened:
        page = opened.duplicates(min_score=min_score, after=after, limit=limit)
    if json:
        print_json(page)
        return
    rows = [
        (group.size, place.image_id, "the first" if not number else "identical" if place.identical else "", place.name)
        for group in page.groups
        for number, place in enumerate(group.images)
    ]
    groups, surplus = counted(page.groups_in_all, "group"), counted(page.surplus, "image")
    print_table(f"{groups}, {surplus} nearly the same as an earlier one", ("size#", "id", "", "name"), rows)
    if page.next is not None:
        say(f"More: --after {page.next}")


def similar(
    category: Annotated[str, typer.Argument(help="Id of a category.")],
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most categories.")] = 10,
    min_score: Annotated[float | None, typer.Option(min=-1, max=1, help="Least cosine of the middles.")] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """List the categories nearest to one."""
    with looked_at(url, library, collection) as opened:
        found = opened.similar_categories(category, limit=limit, min_score=min_score)
    if json:
        print_json({"categories": found})
        return
    rows = [
        (f"{one.score:.3f}", "" if one.likeness is None else f"{one.likeness:.2f}", one.id, one.label, one.size)
        for one in found
    ]
    print_table(f"{len(found)} similar", ("score#", "likeness#", "id", "label", "images#"), rows)


def _filter(
    categories: list[str] | None,
    groups: list[str] | None,
    tags: list[str] | None,
    metadata: list[str] | None,
    whole: str | None,
) -> Filter:
    told = {} if whole is None else _json(whole, "--filter")
    if not isinstance(told, dict):
        raise ConfigurationError("--filter must be a JSON object with the fields of a filter.")
    conditions: dict[str, Any] = dict(told.pop("metadata", None) or {})
    for one in metadata or ():
        key, mark, value = one.partition("=")
        if not mark:
            raise ConfigurationError(f"--meta {one} must be KEY=VALUE.")
        conditions[key] = _value(value)
    told |= {} if not categories else {"categories": categories}
    told |= {} if not groups else {"groups": groups}
    told |= {} if not tags else {"tags": tags}
    return Filter.of(told | {"metadata": conditions})


def _value(text: str) -> Any:
    """JSON where it is some, else the text as it is."""
    try:
        return json_module.loads(text)
    except ValueError:
        return text


def _json(text: str, option: str) -> Any:
    try:
        return json_module.loads(text)
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{option} is no JSON: {text[:80]}.") from None
