"""What the texts, or the terms, of a view's categories say: counted for those who make names of it."""

from __future__ import annotations

from collections import Counter, defaultdict

from categoriser.catalog import views
from categoriser.encoders.words import Lexicon
from categoriser.maintenance.renewal import read_lexicon
from categoriser.naming.labels import LabelNames
from categoriser.state import Storage

_READ = 400  # texts of a category, about, that its name is made from


def label_names(storage: Storage, collection_id: int) -> LabelNames:
    """The source of names of a collection of texts or terms as they are now; it reads every text once."""
    with storage.database.read() as connection:
        view = views.find(connection, collection_id)
        said: defaultdict[int, list[str]] = defaultdict(list)
        for number, text in views.texts_by_category(connection, collection_id):
            said[number].append(text)
    lexicon = None
    if view is not None and "terms" not in view.spec:
        lexicon = read_lexicon(storage, collection_id) or Lexicon()
    labels: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for number, texts in said.items():
        step = 1 + len(texts) // _READ
        for text in texts[::step]:
            for word, share in ({text: 1.0} if lexicon is None else lexicon.specific_labels(text)).items():
                labels[number][word] += step * share  # type: ignore[assignment]
    if lexicon is None:
        return LabelNames(labels, kind="terms", version="1")
    return LabelNames(labels, kind="texts", version=f"1-{lexicon.texts}")
