"""Names for categories of texts: the labels that their texts share and those of other categories do not."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from categoriser.catalog import events, taxonomy, views
from categoriser.encoders.words import Lexicon
from categoriser.maintenance.renewal import read_lexicon
from categoriser.state import Storage

_READ = 400  # texts of a category, about, that its name is made from
_LEAST_SHARE = 0.1  # of a category's texts that its second word has to be a label of


def name_by_texts(storage: Storage, collection_id: int) -> int:
    """Name the categories of a view as its texts suggest; returns how many changed.

    Those that a person named keep their name, and so do locked ones that have any.
    """
    with storage.database.read() as connection:
        view = views.find(connection, collection_id)
        if view is None:
            return 0
        present = {one["number"]: one for one in taxonomy.page(connection, collection_id)}
        said: defaultdict[int, list[str]] = defaultdict(list)
        for number, text in views.texts_by_category(connection, collection_id):
            said[number].append(text)
    lexicon = None if "terms" in view.spec else (read_lexicon(storage, collection_id) or Lexicon())
    labels: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for number, texts in said.items():
        step = 1 + len(texts) // _READ
        for text in texts[::step]:
            for word, share in ({text: 1.0} if lexicon is None else lexicon.specific_labels(text)).items():
                labels[number][word] += step * share  # type: ignore[assignment]
    kept = {
        number: one["label"]
        for number, one in present.items()
        if one["label"] and (one["named_by"] == "person" or one["locked"])
    }
    names = key_phrases(labels, taken=set(kept.values()))
    changed = {
        number: name
        for number, name in names.items()
        if number in present and number not in kept and present[number]["label"] != name
    }
    if changed:
        with storage.database.write() as connection:
            facts = {number: {"label": name, "named_by": "machine"} for number, name in changed.items()}
            taxonomy.change(connection, collection_id, facts)
            entries = [
                {"kind": "rename", "category": number, "detail": {"label": name, "source": "texts"}}
                for number, name in changed.items()
            ]
            events.append(connection, collection_id, entries)
    return len(changed)


def key_phrases(labels: Mapping[int, Mapping[str, float]], *, taken: set[str | None]) -> dict[int, str]:
    """Category → name, each another: the strongest label, with the next one where it would not be unique.

    A label counts as much as it is more frequent here than elsewhere (c-TF-IDF [Grootendorst 2022]).
    """
    everywhere: Counter[str] = Counter()
    for counts in labels.values():
        everywhere.update(counts)
    average = sum(everywhere.values()) / max(1, len(labels))
    names: dict[int, str] = {}
    used = {str(name).casefold() for name in taken if name}
    for number in sorted(labels, key=lambda one: -sum(labels[one].values())):
        counts = labels[number]
        total = sum(counts.values()) or 1.0
        scores = {
            word: share / total * math.log(1 + average / everywhere[word]) ** 0.5 for word, share in counts.items()
        }
        best = sorted(scores, key=lambda word: (-scores[word], word))
        name = next((one for one in _candidates(best, counts, total) if one.casefold() not in used), None)
        if name is not None:
            used.add(name.casefold())
            names[number] = name
    return names


def _candidates(best: Sequence[str], counts: Mapping[str, float], total: float) -> Iterator[str]:
    """Names from the plainest on; nothing where no text says anything."""
    if not best:
        return
    first = f"{best[0][0].upper()}{best[0][1:]}"
    yield first
    frequent = [word for word in best[1:] if counts[word] >= _LEAST_SHARE * total]
    yield from (f"{first} & {word}" for word in (*frequent, *best[1:]))
    yield from (f"{first} {number}" for number in count(2))
