"""Names for the categories that need one: decided, asked for while others write, then published as one version."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from categoriser.catalog import collections, taxonomy
from categoriser.catalog.tables import Record
from categoriser.domain import NamingReport
from categoriser.maintenance.change import Change
from categoriser.maintenance.evidence import (
    Pictures,
    anchor,
    drift,
    gathered,
    is_provisional,
    labelled,
    reshaped,
    with_pictures,
)
from categoriser.maintenance.publishing import Entry, publish
from categoriser.maintenance.unwanted import carried, unwanted
from categoriser.naming import Case, Chain, Named, Style, Survey
from categoriser.naming.relabel import Decision, Policy, Situation, better, decide
from categoriser.state import Storage

_DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class _Due:
    """A category whose name is to change, and why."""

    number: int
    decision: Decision
    stored: Record
    margin: float | None  # of its name now


def name_categories(
    storage: Storage,
    collection_id: int,
    chain: Chain,
    style: Style,
    policy: Policy,
    pictures: Pictures,
    stopping: Callable[[], bool] = lambda: False,
) -> NamingReport:
    """Name what needs a name now; calls to the sources are as many as categories that need one.

    Args:
        storage: of the library.
        collection_id: of the collection.
        chain: the sources, for the collection's encoder.
        style: of the names.
        policy: when names are looked at again.
        pictures: makes exemplars of image rows.
        stopping: asked before each category; what is named by then is published.

    Raises:
        NotFoundError: the collection was deleted.
    """
    started = time.perf_counter()
    chain.begin()
    with storage.states.writing(collection_id) as state:  # only as long as it takes to copy some vectors
        collection, evidence = state.collection, gathered(state)
    with storage.database.read() as connection:
        stored = {one["number"]: one for one in taxonomy.page(connection, collection_id)}
        merged = taxonomy.merged_at(connection, collection_id)
    survey = Survey([labelled(one, stored[number]) for number, one in evidence.items() if number in stored])
    if not len(survey):
        return NamingReport(0, 0, 0, 0, time.perf_counter() - started)
    due, notes = _due(survey, stored, merged, chain, policy)
    survey = with_pictures(storage, collection, survey, stored, [one.number for one in due], pictures)
    found = _ask(survey, stored, due, chain, style, policy, stopping)
    answer = _publish(storage, collection_id, survey, found, notes, chain, policy, started)
    return replace(answer, problems=tuple(chain.problems), calls=dict(chain.calls))


def _due(
    survey: Survey, stored: Mapping[int, Record], merged: Mapping[int, float], chain: Chain, policy: Policy
) -> tuple[list[_Due], dict[int, dict[str, Any]]]:
    """Categories to name, renamed ones and then the largest first, and what is only to be remembered about others."""
    now, atlas = time.time(), chain.atlas(survey)
    today = sum(
        bool(one["naming"]) and one["naming"].get("renamed", False) and one["naming"].get("named_at", 0) > now - _DAY
        for one in stored.values()
    )
    due, notes = [], {}
    for place, one in enumerate(survey.evidence):
        row = stored[one.number]
        noted = row["naming"] or {}
        named = row["named_by"] if row["label"] else None
        fit = atlas.fit(row["label"], one.number) if atlas is not None and named and not is_provisional(row) else None
        fresh = noted.get("fingerprint") != chain.fingerprint
        decision = decide(
            Situation(
                named_by=named,
                provisional=is_provisional(row),
                locked=bool(row["locked"]),
                grown=one.size / noted["size"] if noted.get("size") else 1.0,
                drift=drift(survey, place, noted),
                reshaped=reshaped(one, noted, merged.get(one.number, 0.0)),
                margin=None if fit is None else fit.margin,
                strikes=noted.get("strikes", 0),
                fresh=fresh,
                renamed_today=today,
            ),
            policy,
        )
        if decision.step in {"name", "relabel", "suggest"}:
            today += decision.step == "relabel"
            due.append(_Due(one.number, decision, row, None if fit is None else fit.margin))
        elif named == "machine" and fit is not None and fit.margin >= 0 and fresh:
            notes[one.number] = {**noted, "fingerprint": chain.fingerprint}  # it has stood that test
        elif decision.step == "strike":
            notes[one.number] = {**noted, "strikes": noted.get("strikes", 0) + 1}
        elif named == "person" and "size" not in noted:
            notes[one.number] = {
                **noted,
                **anchor(one),
            }  # what it was when a person named it, to notice when it is something else
    # those that give up a name first, so that it is free for whom it fits now
    due.sort(key=lambda one: (one.decision.step != "relabel", -stored[one.number]["size"], one.number))
    return due, notes


def _ask(
    survey: Survey,
    stored: Mapping[int, Record],
    due: Sequence[_Due],
    chain: Chain,
    style: Style,
    policy: Policy,
    stopping: Callable[[], bool],
) -> list[tuple[_Due, Named | None]]:
    taken = {row["label"].casefold(): number for number, row in stored.items() if row["label"]}
    wanting = frozenset(one.number for one in due)
    found: list[tuple[_Due, Named | None]] = []
    for one in due:
        if stopping():
            break
        others = {name: number for name, number in taken.items() if number != one.number}
        subject = survey.evidence[survey.place(one.number)]
        barred = frozenset(name.casefold() for name in unwanted(one.stored["naming"]))
        named = chain.name(Case(subject, survey, style, others, wanting, barred))
        # who keeps its name keeps it from others
        if named is not None and one.decision.step != "suggest" and _worth(one, named, policy):
            taken = {**others, named.name.casefold(): one.number}
        found.append((one, named))
    return found


def _publish(
    storage: Storage,
    collection_id: int,
    survey: Survey,
    found: Sequence[tuple[_Due, Named | None]],
    notes: dict[int, dict[str, Any]],
    chain: Chain,
    policy: Policy,
    started: float,
) -> NamingReport:
    """Make the changes that still make sense: others may have renamed or merged meanwhile."""
    change, news, version = Change(), list[Entry](), None
    counts = dict.fromkeys(("name", "relabel", "suggest", "provisional"), 0)
    with storage.states.writing(collection_id) as state:
        with storage.database.read() as connection:
            rows = {one["number"]: one for one in taxonomy.page(connection, collection_id)}
        taken = {row["label"].casefold(): number for number, row in rows.items() if row["label"]}
        for one, named in found:
            row = rows.get(one.number)
            if row is None or any(row[fact] != one.stored[fact] for fact in ("label", "named_by", "locked")):
                continue
            noted = anchor(survey.evidence[survey.place(one.number)]) | {"fingerprint": chain.fingerprint}
            if named is None or not _worth(one, named, policy):
                # it is asked again when the category has changed as much once more
                notes[one.number] = {**(row["naming"] or {}), **noted, "strikes": 0}
                continue
            if taken.get(named.name.casefold(), one.number) != one.number:
                continue  # somebody gave it to another category meanwhile
            facts, entry = _described(one, named, row, noted)
            change.facts[one.number] = facts
            news.append(entry)
            if "label" in facts:  # a name that it gives up may go to another one in the same session
                taken = {name: number for name, number in taken.items() if number != one.number}
                taken[named.name.casefold()] = one.number
            counts[one.decision.step] += 1
            counts["provisional"] += named.proposal.provisional
        if notes:
            with storage.database.write() as connection:
                taxonomy.change(connection, collection_id, {n: {"naming": told} for n, told in notes.items()})
        if change.facts:
            summary = {"named": counts["name"], "renamed": counts["relabel"], "suggested": counts["suggest"]}
            with storage.database.read() as connection:
                quiet = collection_id in collections.unchanged(connection, [collection_id])
            done = publish(
                storage, state, change, kind="naming", started=started, summary=summary, checked={}, news=news
            )
            version = done.version
            if quiet:  # names are nothing new to a run, and no reason for the next one
                with storage.database.write() as connection:
                    collections.remember_run(connection, collection_id)
    return NamingReport(
        counts["name"], counts["relabel"], counts["suggest"], counts["provisional"], time.perf_counter() - started,
        version=version,
    )  # fmt: skip


def _described(one: _Due, named: Named, row: Record, noted: Mapping[str, Any]) -> tuple[dict[str, Any], Entry]:
    """The columns that change, and what the log says about it."""
    evidence = {name: value for name, value in named.evidence().items() if name != "captions"}  # these are the images'
    told: dict[str, Any] = {
        **carried(row["naming"]),
        **noted,
        "source": named.proposal.source,
        "model": named.proposal.model,
        "prompt": named.proposal.prompt,
        "provisional": named.proposal.provisional,
        "evidence": evidence,
        "because": one.decision.because,
        "named_at": time.time(),
        "renamed": one.decision.step == "relabel",
    }
    detail = {"label": named.name, "was": row["label"], "because": one.decision.because, "source": told["source"]}
    if one.decision.step == "suggest":
        kept = {**(row["naming"] or {}), **noted, "suggestion": {"name": named.name, "source": told["source"]}}
        return {"naming": (row["naming"], kept)}, {"kind": "suggest-name", "category": one.number, "detail": detail}
    facts = {
        "label": (row["label"], named.name),
        "named_by": (row["named_by"], "machine"),
        "naming": (row["naming"], told),
    }
    kind = "relabel" if row["label"] else "name"
    return facts, {"kind": kind, "category": one.number, "detail": detail}


def _worth(one: _Due, named: Named, policy: Policy) -> bool:
    """Whether a new name is worth the change."""
    if named.name == one.stored["label"]:
        return False
    if one.decision.step == "name":
        return True
    fit = named.verdict.fit
    return not named.proposal.provisional and better(None if fit is None else fit.margin, one.margin, policy)
