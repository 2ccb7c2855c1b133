"""The part of a collection that says who names its categories, in which style, and what models cost for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final
from urllib.parse import urlsplit

from categoriser.catalog import costs, images, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.costs import Cost
from categoriser.catalog.tables import Record
from categoriser.encoders import takes_texts
from categoriser.library.wording import Worded
from categoriser.maintenance.evidence import is_provisional
from categoriser.maintenance.publishing import EXEMPLARS
from categoriser.naming.llm import TOKENS, LanguageNames

_ADDRESS: Final = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source of names, in the order in which they are asked. ``model``: None where none is set up or needed."""

    source: str
    set_up: bool
    model: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class NextCost:
    """What naming would ask models now, at most. ``each_new``: the same for each category that a run would make."""

    categories: int  # that have no name, or one that only says how they look
    questions: int
    pictures: int  # to be described
    each_new_questions: int
    each_new_pictures: int
    tokens_each: int  # of one question with its answer, at most


@dataclass(frozen=True, slots=True)
class NamingState:
    """Who names, how, and at what cost. ``free``: no model is asked, whatever happens."""

    automatic: bool
    sources: Sequence[SourceState]
    words: int
    ampersand: bool
    language: str
    kind: str
    daily: int
    free: bool
    spent: Sequence[Cost]
    next: NextCost


class Costed(Worded):
    """Looks at the settings and at what was spent; asks and opens no model."""

    def naming_state(self) -> NamingState:
        """Who names the categories, in which style, what that has cost so far and would cost now."""
        row, one = self.row, self._namers.settings
        with self._storage.database.read() as connection:
            spent = costs.of_collection(connection, row.id)
            stored = taxonomy.page(connection, row.id)
        labelled = row.parent_key is not None or takes_texts(row.encoder_id)
        asks = bool(one.llm) and "llm" in one.sources and not labelled
        describes = bool(one.captions) and bool({"llm", "captions"} & set(one.sources)) and not labelled
        wanting = [each for each in stored if not each["label"] or is_provisional(each)]
        questions = LanguageNames.attempts if asks else 0
        return NamingState(
            automatic=one.automatic,
            sources=self._sources_told(labelled=labelled),
            words=one.words,
            ampersand=one.ampersand,
            language=one.language,
            kind=one.kind,
            daily=one.daily,
            free=not asks and not describes,
            spent=spent,
            next=NextCost(
                categories=len(wanting),
                questions=questions * len(wanting),
                pictures=self._to_describe(row, wanting) if describes else 0,
                each_new_questions=questions,
                each_new_pictures=EXEMPLARS if describes else 0,
                tokens_each=TOKENS if asks else 0,
            ),
        )

    def _sources_told(self, *, labelled: bool) -> list[SourceState]:
        if labelled:
            return [SourceState("texts", set_up=True, model=None, problem=None)]
        one, told = self._namers.settings, []
        for source in one.sources:
            if source == "vocabulary":
                problem = self._why_no_words(self.row)
                told.append(SourceState(source, set_up=problem is None, model=None, problem=problem))
            else:
                given, name = (one.llm, one.llm_model) if source == "llm" else (one.captions, one.caption_model)
                problem = self._namers.problem_of(source)
                told.append(SourceState(source, bool(given), _shown_model(given, name), problem))
        return [*told, SourceState("look", set_up=True, model=None, problem=None)]

    def _to_describe(self, row: CollectionRow, wanting: Sequence[Record]) -> int:
        """Exemplars of these categories that nobody described yet."""
        ids = [image_id for one in wanting for image_id in (one["exemplars"] or ())]
        with self._storage.database.read() as connection:
            found = images.describe(connection, row.id, ids)
        pictures = self._namers.pictures(row, [found[one] for one in ids if one in found])
        without = sum(min(EXEMPLARS, int(one["size"])) for one in wanting if not one["exemplars"])
        return without + sum(not self._namers.is_described(row, one) for one in pictures)


def _shown_model(given: str, name: str) -> str | None:
    """Which model, without the folder that it lies in or anything secret of its address."""
    if not given:
        return None
    if given.startswith(_ADDRESS):
        parts = urlsplit(given)
        place = parts.hostname or ""
        return f"{name}@{place}:{parts.port}" if parts.port else f"{name}@{place}"
    kind, colon, folder = given.partition(":")
    return kind if colon and folder else PurePath(given).name
