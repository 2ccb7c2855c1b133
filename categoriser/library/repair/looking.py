"""Goes through a library, collection by collection, and mends what was found in the right order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from categoriser.catalog.collections import CollectionRow
from categoriser.errors import CategoriserError
from categoriser.library.health import every_collection
from categoriser.library.library import Library
from categoriser.library.repair.counts import look_at_counts
from categoriser.library.repair.files import look_at_files, look_at_folders
from categoriser.library.repair.findings import Finding
from categoriser.library.repair.points import look_at_points

_log = logging.getLogger(__name__)
_LOOKS: Sequence[Callable[[Library, CollectionRow], Iterator[Finding]]] = (
    look_at_counts,  # first: the points are compared with what it mends
    look_at_files,
    look_at_points,
)


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done about a finding. ``problem``: why not all of it."""

    finding: Finding
    changed: int
    problem: str | None = None


def find_faults(library: Library) -> list[Finding]:
    """Everything that disagrees; reads every row and every vector, changes nothing.

    What the pipeline is about to write counts as a fault: look while nothing is added.
    """
    found: list[Finding] = []
    keys = set()
    for row in every_collection(library):
        keys.add(row.key)
        for look in _LOOKS:
            found += _looked(look, library, row)
    return found + list(look_at_folders(library, keys))


def mend(findings: Sequence[Finding]) -> Iterator[Mended]:
    """Mend, one finding after the other; each can be repeated, so that an interrupt does no harm."""
    for finding in findings:
        if finding.mend is None:
            continue
        try:
            changed = finding.mend()
        except (CategoriserError, OSError) as error:
            yield Mended(finding, 0, str(error))
            continue
        short = finding.number - changed
        yield Mended(finding, changed, f"{short} of {finding.number} could not be mended." if short > 0 else None)


def _looked(
    look: Callable[[Library, CollectionRow], Iterator[Finding]], library: Library, row: CollectionRow
) -> list[Finding]:
    try:
        return list(look(library, row))
    except Exception as error:  # a damaged store raises whatever it likes, and the others have to be looked at
        _log.debug("a look at collection %s failed", row.key, exc_info=True)
        sentence = f"Collection {row.name!r} cannot be looked into ({error}); restore the library from a backup."
        return [Finding("unreadable", row.name, 1, sentence)]
