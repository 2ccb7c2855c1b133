"""``categoriser evaluate``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
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
from categoriser.cli.output import print_json, print_refused, print_table, progress, say, tell, waiting
from categoriser.errors import ConfigurationError
from categoriser.evaluation import (
    MEASURES,
    NO_VOCABULARY,
    Evaluation,
    Plan,
    check_page,
    doubt,
    evaluate_collection,
    evaluate_subject,
    read_subject,
    read_vocabulary,
    write_page,
)
from categoriser.library import Library


class Order(StrEnum):
    """In which order images arrive."""

    RANDOM = "random"
    BY_CLASS = "by-class"
    BURSTS = "bursts"
    GIVEN = "given"


class Dial(StrEnum):
    """The one dial."""

    BROAD = "broad"
    BALANCED = "balanced"
    FINE = "fine"


def evaluate(
    source: Annotated[
        Path | None,
        typer.Argument(
            help="A folder whose sub-folders are classes, a .csv, .tsv or .parquet file, or an .npz file of vectors. "
            "Without it, a collection of the library is measured as it is."
        ),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Column or .npz key of the classes.")] = None,
    image_column: Annotated[str | None, typer.Option(help="Column of a table with paths or URLs.")] = None,
    vectors: Annotated[str | None, typer.Option(help="Key of the vectors in an .npz file.")] = None,
    encoder: EncoderOption = None,
    granularity: Annotated[Dial | None, typer.Option(help="The dial; without it the configured one.")] = None,
    orders: Annotated[int, typer.Option(min=1, max=100, help="Number of arrival orders.")] = 3,
    order: Annotated[Order, typer.Option(help="Kind of arrival order.")] = Order.RANDOM,
    seed: Annotated[int, typer.Option(min=0, help="Of the first order.")] = 0,
    limit: Annotated[int | None, typer.Option(min=2, help="Only so many images, drawn at random.")] = None,
    vocabulary: Annotated[
        Path | None, typer.Option(help="Text file, one term per line: agreement with words, if the encoder reads text.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report to look at to this file.")] = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    json: JsonOption = False,
) -> None:
    """Say how well pictures are grouped: stream them through a library of their own, and compare with classes."""
    if html is not None:
        check_page(html)  # before the long work
    terms = None if vocabulary is None else read_vocabulary(vocabulary)
    if source is None:
        if labels is not None or limit is not None or granularity is not None:
            raise ConfigurationError(
                "Classes, a limit and the dial are for a SOURCE that is streamed; give one, or leave these options out."
            )
        with Library.open(library, encoder, create=False, resume=False) as opened, waiting("Measuring"):
            result = evaluate_collection(opened, collection, terms)
    else:
        with waiting(f"Reading {source}"):
            subject = read_subject(
                source, labels=labels, image_column=image_column, vectors_key=vectors, limit=limit, seed=seed
            )
        if subject.vectors is not None and encoder is not None:
            raise ConfigurationError(f"{source} holds ready vectors, which need no encoder: leave out --encoder.")
        if (note := doubt(subject)) is not None:
            tell(note, style="yellow")
        plan = Plan(
            encoder=encoder,
            granularity=None if granularity is None else granularity.value,
            orders=orders,
            arrival=order.value,
            seed=seed,
            vocabulary=terms,
            pictures=html is not None,
        )
        result = evaluate_subject(subject, plan, _Terminal())
    if html is not None:
        write_page(html, [result], title=f"How well “{result.name}” is grouped", lead=_lead(result))
    if json:
        print_json(result.as_data())
    else:
        _print(result)
        if html is not None:
            say(f"Look at {html}")
    if result.refused:
        raise typer.Exit(1)


class _Terminal:
    """Standard error."""

    def progress(self, label: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
        return progress(label)


def _lead(result: Evaluation) -> str:
    how = f"{len(result.outcomes)} orders of arrival" if len(result.outcomes) > 1 else result.outcomes[0].order
    return f"{result.images:,} images, encoder {result.encoder}, dial {result.granularity}, {how}."


def _print(result: Evaluation) -> None:
    several = len(result.outcomes) > 1
    columns = ["measure", *(["mean#"] if several else []), *(f"{outcome.order}#" for outcome in result.outcomes)]
    rows = []
    for key, measure in MEASURES.items():
        mean = result.mean(key)
        if mean is not None:
            each = [measure.text(measure.of(outcome)) for outcome in result.outcomes]
            rows.append((measure.title, *([measure.text(mean)] if several else []), *each))
    print_table(f"{result.name}: {_lead(result)}", columns, rows)
    if result.order_ari is not None:
        say(f"ARI between the groupings of two orders: {result.order_ari:.3f}")
    for reason in (result.outcomes[0].shape, result.outcomes[0].zero_shot):
        if isinstance(reason, str) and reason != NO_VOCABULARY:
            say(reason)
    print_refused(result.refused, "all with --json.")
