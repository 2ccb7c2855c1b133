"""``categoriser search``."""

from __future__ import annotations

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
from categoriser.cli.output import print_json, print_table
from categoriser.cli.reach import UrlOption, worked_with
from categoriser.library import Filter


def search(
    text: Annotated[str | None, typer.Argument(help="Words to search for.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture file to search with.")] = None,
    image_id: Annotated[str | None, typer.Option(help="Id of a stored image to search with.")] = None,
    category: Annotated[str | None, typer.Option(help='Only in this category, or in "unsorted".')] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="Only images with this word, or a kind of it, among their tags; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most results.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="Results to leave out.")] = 0,
    min_score: Annotated[float | None, typer.Option(min=-1, max=1, help="Least cosine.")] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    encoder: EncoderOption = None,
    json: JsonOption = False,
) -> None:
    """Find images by words, by a picture, like a stored image, or by tags alone."""
    with worked_with(url, library, collection, encoder) as found:
        results = found.search(
            text=text,
            image=image,
            image_id=image_id,
            filter=Filter(category=category, tags=tag or ()),
            limit=limit,
            offset=offset,
            min_score=min_score,
        )
    if json:
        print_json({"results": results})
        return
    rows = [(f"{one.score:.3f}", one.image_id, one.label or "Unsorted", one.name) for one in results]
    print_table(f"{len(results)} found", ("score#", "id", "category", "name"), rows)
