"""The report as one HTML file that asks the network for nothing."""

from __future__ import annotations

import base64
import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from categoriser.errors import ConfigurationError
from categoriser.evaluation import plots
from categoriser.evaluation.metrics import Confusion
from categoriser.evaluation.replay import Step
from categoriser.evaluation.report import MEASURES, Evaluation

_GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "At the end": (
        *("accuracy", "nmi", "ari", "bcubed_f", "bcubed_precision", "bcubed_recall", "purity"),
        *("categories", "all_categories", "unsorted", "spawn_precision", "spawn_recall"),
    ),
    "At arrival": (
        *("online_accuracy", "online_nmi", "online_ari", "online_bcubed_f", "online_purity"),
        *("unsorted_at_arrival", "waiting"),
    ),
    "From run to run": ("flips", "churn", "churn_beside_merges", "churn_with_tentative"),
    "Without classes": ("silhouette", "calinski_harabasz", "davies_bouldin", "zero_shot"),
    "Cost": ("seconds", "peak_mb"),
}
_MOST_ROWS: Final = 60  # categories and classes of the confusion matrix
_MOVED_KEY: Final = (
    '<span class="key a">moved</span> <span class="key d">their category was merged</span> '
    '<span class="key c">3 %</span>'
)
_CELL: Final = 15  # units
_MARGIN_LEFT: Final = 120
_LONGEST: Final = 20  # letters of a class name
_LETTER: Final = 5.4  # height of one, slanted


@dataclass(frozen=True, slots=True)
class Table:
    """A table above the evaluations. A cell is text, or text with a state: "pass", "miss" or "quiet"."""

    title: str
    columns: Sequence[str]  # those that end in "#" hold numbers
    rows: Sequence[Sequence[str | tuple[str, str]]]
    note: str = ""


def check_page(path: Path) -> None:
    """Find out before the long work whether a report could be written.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigurationError: the file cannot be written.
    """
    plots.check()
    if path.is_dir():
        raise _unwritable(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if there != path and not there.is_dir():
        raise _unwritable(path, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    if not os.access(there, os.W_OK):
        raise _unwritable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def write_page(
    path: Path, evaluations: Sequence[Evaluation], *, title: str, lead: str = "", tables: Sequence[Table] = ()
) -> None:
    """Write the report of one or more evaluations.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigurationError: the file cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("categoriser.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("report.html.j2").render(
        title=title, lead=lead, tables=tables, views=[_view(one) for one in evaluations]
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"The report cannot be written to {path}: {error.strerror}.")


def _view(one: Evaluation) -> dict[str, Any]:
    return {
        "one": one,
        "facts": _facts(one),
        "plots": _plots(one),
        "groups": _groups(one),
        "reasons": _reasons(one),
        "confusion": None if one.confusion is None or not one.confusion.classes else _heat_map(one.confusion),
        "sheet": [
            {
                "shown": shown,
                "pictures": ["data:image/jpeg;base64," + base64.b64encode(data).decode() for data in shown.thumbnails],
            }
            for shown in one.sheet
        ],
        "peers": [
            {"peer": peer, "best": peer.ari is not None and peer.ari > (one.mean("ari") or 0)}
            for peer in sorted(one.peers, key=lambda peer: -(peer.ari if peer.ari is not None else -9))
        ],
    }


def _facts(one: Evaluation) -> list[tuple[str, str]]:
    def text(key: str) -> str:
        return MEASURES[key].text(one.mean(key))

    facts = [("Images", f"{one.images:,}")]
    categories = text("categories")
    facts.append(
        ("Categories / classes", f"{categories} / {one.classes}") if one.classes else ("Categories", categories)
    )
    if one.mean("ari") is not None:
        facts += [("ARI", text("ari")), ("NMI", text("nmi")), ("Accuracy", text("accuracy"))]
        facts.append(("Accuracy at arrival", text("online_accuracy")))
    facts.append(("Unsorted", text("unsorted")))
    if one.mean("churn") is not None:
        facts.append(("Churn per run", text("churn")))
    if one.order_ari is not None:
        facts.append(("ARI between orders", f"{one.order_ari:.3f}"))
    if one.mean("ari") is None and one.mean("silhouette") is not None:
        facts.append(("Silhouette", text("silhouette")))
    return facts


def _plots(one: Evaluation) -> list[tuple[str, str, Markup]]:
    both = '<span class="key a">after the run</span> <span class="key b">as told on arrival</span>'
    drawn = (
        ("Accuracy over time", both, plots.over_time(one, _now("accuracy"), _online("accuracy"))),
        ("Adjusted Rand index over time", both, plots.over_time(one, _now("ari"), _online("ari"))),
        ("Images in Unsorted", both, plots.over_time(one, _unsorted, _online("unsorted"), percent=True)),
        (
            "Categories of five or more",
            '<span class="key a">categories</span>' + (' <span class="key c">classes</span>' if one.classes else ""),
            plots.categories_over_time(one),
        ),
        (
            "Images that a run moved",
            _MOVED_KEY,
            plots.churn(one.outcomes[0]),
        ),
        ("Sizes of categories", "images, on a logarithmic scale", plots.sizes(one)),
    )
    return [(title, Markup(key), Markup(svg)) for title, key, svg in drawn if svg is not None]  # noqa: S704 - our own


def _now(name: str) -> Callable[[Step], float | None]:
    return lambda step: None if step.now is None else getattr(step.now, name)


def _online(name: str) -> Callable[[Step], float | None]:
    return lambda step: None if step.online is None else getattr(step.online, name)


def _unsorted(step: Step) -> float:
    return step.unsorted


def _groups(one: Evaluation) -> list[tuple[str, list[tuple[str, str, list[str]]]]]:
    """Titles of groups with their measures: name, mean, and each order."""
    groups = []
    for title, keys in _GROUPS.items():
        rows = [
            (
                MEASURES[key].title,
                MEASURES[key].text(one.mean(key)),
                [MEASURES[key].text(MEASURES[key].of(outcome)) for outcome in one.outcomes],
            )
            for key in keys
            if one.mean(key) is not None
        ]
        if rows:
            groups.append((title, rows))
    return groups


def _reasons(one: Evaluation) -> list[str]:
    """Why something is not there."""
    first = one.outcomes[0]
    reasons = [reason for reason in (first.shape, first.zero_shot) if isinstance(reason, str)]
    if one.classes is None:
        reasons.insert(0, "No classes are known, so there are no scores against them.")
    return reasons


def _heat_map(table: Confusion) -> dict[str, Any]:
    """Cells as rectangles whose strength is the share of the category, with words for the pointer."""
    rows = min(_MOST_ROWS, len(table.categories))
    columns = min(_MOST_ROWS, len(table.classes))
    lines = [*range(rows), len(table.categories)]  # the last one is Unsorted
    names = [*table.categories[:rows], "Unsorted"]
    top = 14 + round(_LETTER * min(_LONGEST, max((len(name) for name in table.classes[:columns]), default=0)))
    cells = []
    for place, i in enumerate(lines):
        total = max(1, int(table.counts[i].sum()))
        for j in range(columns):
            count = int(table.counts[i, j])
            if count:
                cells.append(
                    {
                        "x": _MARGIN_LEFT + j * _CELL,
                        "y": top + place * _CELL,
                        "strength": f"{0.08 + 0.92 * count / total:.2f}",
                        "words": f"{names[place]}: {count:,} of {total:,} are {table.classes[j]}",
                        "unsorted": i == len(table.categories),
                    }
                )
    sums = [int(table.counts[i].sum()) for i in lines]
    return {
        "cell": _CELL,
        "width": _MARGIN_LEFT + columns * _CELL + 40,
        "height": top + len(lines) * _CELL + 4,
        "cells": cells,
        "rows": [
            {"y": top + (place + 0.72) * _CELL, "name": name, "images": f"{images:,}"}
            for place, (name, images) in enumerate(zip(names, sums, strict=True))
        ],
        "columns": [
            {"x": _MARGIN_LEFT + (j + 0.7) * _CELL, "name": table.classes[j][:_LONGEST]} for j in range(columns)
        ],
        "left": _MARGIN_LEFT,
        "top": top,
        "right": _MARGIN_LEFT + columns * _CELL,
        "bottom": top + len(lines) * _CELL,
        "left_out": len(table.categories) - rows + len(table.classes) - columns,
    }
