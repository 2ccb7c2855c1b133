"""Plots as SVG text that takes its colours from the page, so that one page serves light and dark screens."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from categoriser.errors import MissingExtraError
from categoriser.evaluation.replay import Step
from categoriser.evaluation.report import Evaluation, Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# matplotlib wants real colours: these stand for the page's own and are replaced in its output
_INK, _QUIET, _LINE, _ACCENT, _WARM = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES: Final = {
    _INK: "var(--ink)",
    _QUIET: "var(--quiet)",
    _LINE: "var(--line)",
    _ACCENT: "var(--accent)",
    _WARM: "var(--warm)",
}
_SIZE: Final = (5.4, 2.7)  # inches of 72 units
_FAINT: Final = 0.35

_Reading = Callable[[Step], float | None]


def check() -> None:
    """Find out whether anything can be drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401, PLC0415 - an extra, and slow
    except ImportError:
        raise MissingExtraError(
            "The HTML report draws with matplotlib, which is not installed: pip install -e '.[evaluate]'."
        ) from None


def over_time(evaluation: Evaluation, now: _Reading, online: _Reading | None, *, percent: bool = False) -> str | None:
    """A number after each run (blue) and, where there is one, at arrival (orange); orders but the first are faint."""

    def draw(axes: Axes) -> None:
        for number, outcome in reversed(list(enumerate(evaluation.outcomes))):
            for reading, colour in ((online, _WARM), (now, _ACCENT)):
                points = [] if reading is None else _points(outcome, reading)
                if points:
                    _line(axes, points, colour, first=number == 0)
        if percent:
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")

    drawn = any(_points(outcome, now) for outcome in evaluation.outcomes)
    return _svg(draw, below_one=percent or online is not None) if drawn else None


def categories_over_time(evaluation: Evaluation) -> str | None:
    """Number of categories after each run, and the number of classes as a line to compare."""

    def draw(axes: Axes) -> None:
        for number, outcome in reversed(list(enumerate(evaluation.outcomes))):
            points = [(step.images, float(step.categories)) for step in outcome.steps]
            _line(axes, points, _ACCENT, first=number == 0)
        if evaluation.classes is not None:
            axes.axhline(evaluation.classes, color=_QUIET, linewidth=0.9, linestyle=(0, (4, 3)))

    return _svg(draw) if any(outcome.steps for outcome in evaluation.outcomes) else None


def churn(outcome: Outcome) -> str | None:
    """Share of images that each run moved; the lighter part only followed their category into another one."""

    def draw(axes: Axes) -> None:
        places = range(len(outcome.steps))
        moved = [step.moved / max(1, step.images) for step in outcome.steps]
        relocated = [step.relocated / max(1, step.images) for step in outcome.steps]
        axes.bar(places, moved, width=0.7, color=_ACCENT, alpha=_FAINT, linewidth=0)
        axes.bar(places, relocated, width=0.7, color=_ACCENT, linewidth=0)
        axes.axhline(0.03, color=_QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
        every = -(-len(outcome.steps) // 7)  # as many ticks as there is room for
        axes.set_xticks(list(places)[::every], [f"{step.images:,}" for step in outcome.steps][::every])
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.set_xlabel("images at the run")

    return _svg(draw) if outcome.steps else None


def sizes(evaluation: Evaluation) -> str | None:
    """Images per category, largest first."""

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator  # noqa: PLC0415

        axes.bar(range(1, len(evaluation.sizes) + 1), evaluation.sizes, width=0.8, color=_ACCENT, linewidth=0)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=9))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(bottom=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("category")

    return _svg(draw) if evaluation.sizes else None


def _points(outcome: Outcome, reading: _Reading) -> list[tuple[int, float]]:
    return [(step.images, value) for step in outcome.steps if (value := reading(step)) is not None]


def _line(axes: Axes, points: Sequence[tuple[int, float]], colour: str, *, first: bool) -> None:
    axes.plot(
        [images for images, _ in points],
        [value for _, value in points],
        color=colour,
        alpha=1.0 if first else _FAINT,
        linewidth=1.8 if first else 1.0,
        marker="o",
        markersize=2.5,
    )


def _svg(draw: Callable[[Axes], None], *, below_one: bool = False) -> str:
    """One plot.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    check()
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow
    from matplotlib.figure import Figure  # noqa: PLC0415

    style: dict[str, Any] = {"svg.fonttype": "none", "font.size": 10, "axes.linewidth": 0.8, "path.simplify": True}
    with mpl.rc_context(style):  # type: ignore[arg-type]
        figure = Figure(figsize=_SIZE, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.grid(axis="y", color=_LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_QUIET, length=0, pad=5)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(_LINE)
        axes.set_xlabel("images")
        draw(axes)
        axes.xaxis.label.set_color(_QUIET)
        if axes.get_yscale() == "linear":
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if not below_one else 0, top=1 if below_one else None)
        if axes.get_xlabel() == "images":
            axes.set_xlim(left=0)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(out.getvalue())


def _inline(svg: str) -> str:
    """The drawing without prologue, namespaces and fonts of its own; HTML needs none of them."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 role="img"', svg, count=1)
    svg = re.sub(r"font: (?:\d+ )?([\d.]+)px [^;\"]+", r"font-size: \1px", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg.strip()
