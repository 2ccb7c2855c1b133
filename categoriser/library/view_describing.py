"""Has pictures described for a view a few at a time, so that somebody can watch and stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from categoriser.catalog import costs, view_texts
from categoriser.catalog.costs import Cost
from categoriser.domain import Refused
from categoriser.errors import ConfigurationError
from categoriser.library.describing import (
    DescribeReport,
    EndpointDescriber,
    describe_one,
    file_described,
    question_of,
)
from categoriser.library.view import View
from categoriser.settings import NamingSettings

_ADDRESS: Final = ("http://", "https://")
_FILED_AT_ONCE: Final = 1000  # known descriptions


@dataclass(frozen=True, slots=True)
class Described:
    """What came of one call. ``next``: to go on behind; None when every picture was looked at."""

    described: int
    filed: int
    left: int
    failed: Sequence[Refused]
    seconds: float
    next: int | None


def describer_of(settings: NamingSettings) -> EndpointDescriber:
    """The model of the settings that sees pictures; nothing is sent yet.

    Raises:
        ConfigurationError: none is set up, or it is none that can be asked about a criterion.
    """
    told = settings.captions
    if not told:
        raise ConfigurationError(
            "No model that sees pictures is set up: the setting naming.captions names none "
            "(CATEGORISER_NAMING__CAPTIONS)."
        )
    if not told.startswith(_ADDRESS):
        raise ConfigurationError(
            f"naming.captions: {told.partition(':')[0]} describes pictures, but not by a criterion from here: use "
            "`categoriser view describe`, or the address of an endpoint."
        )
    key = settings.api_key.get_secret_value() or None
    return EndpointDescriber(told, settings.caption_model, key=key, seconds=settings.seconds)


def describe_some(view: View, settings: NamingSettings, *, pictures: int, after: int = -1) -> Described:
    """Have so many more pictures described and file them; what is described already costs nothing.

    Each description is kept before the next one is asked for; whoever stops can go on at any time.

    Args:
        view: with a criterion.
        settings: name the model.
        pictures: most to describe; 0 only files what is known.
        after: ``next`` of the call before, so that pictures that failed are left behind.

    Raises:
        ConfigurationError: the view has no criterion or no pictures, or no model is set up.
    """
    started = time.perf_counter()
    if not view.criterion:
        raise ConfigurationError(f"View {view.name!r} has no criterion: make one that says what is to be described.")
    storage, parent = view.storage, view.parent
    report = DescribeReport()
    with closing(describer_of(settings)) as describer:
        question = question_of(view.criterion, describer)
        with storage.database.read() as connection:
            wanted = view_texts.undescribed(connection, parent.id, question, after=after, limit=pictures)
        seen: set[str] = set()
        for one in wanted:
            if one.sha256 not in seen:
                seen.add(one.sha256)
                shown = storage.media.thumbnail(parent.key, one.sha256)
                describe_one(view, describer, question, one.image_id, one.sha256, shown, report)
    if asked := report.described + len(report.failed):
        with storage.database.write() as connection:
            spent = time.perf_counter() - started
            costs.add(connection, parent.id, Cost("descriptions", describer.name, asked, 0, spent))
    filed, before = 0, set[str]()
    while True:
        with storage.database.read() as connection:
            waiting = view_texts.unfiled(connection, parent.id, view.row.id, question, limit=_FILED_AT_ONCE)
        if waiting.keys() <= before:  # none, or the view takes none of them
            break
        before, filed = set(waiting), filed + len(waiting)
        file_described(view, waiting)
    with storage.database.read() as connection:
        left = view_texts.count_undescribed(connection, parent.id, question)
    following = wanted[-1].row if len(wanted) == pictures and pictures else None
    return Described(report.described, filed, left, report.failed, time.perf_counter() - started, following)
