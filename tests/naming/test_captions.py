from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from categoriser.errors import NamingError
from categoriser.naming import Survey
from categoriser.naming.captions import CaptionPhrases, Describer, FolderCaptions
from categoriser.naming.phrases import key_phrases
from tests.naming.conftest import case, category, flat, pictures_of, shown

CAPTIONS = Path(__file__).parents[3] / "shared" / "data" / "captions"


class Teller:
    """Says of a picture what its middle pixel says, and counts."""

    id = "teller-1"

    def __init__(self) -> None:
        self.pictures = 0

    def describe(self, pictures: Sequence[bytes]) -> Sequence[str]:
        self.pictures += len(pictures)
        return [f"The image shows a red bicycle near a wall, number {len(one)}." for one in pictures]


def collection(categories: int, exemplars: int = 4) -> Survey:
    return Survey(
        [
            category(
                place,
                pictures_of(f"word {place}", 10),
                [shown(place * 10 + i, flat((place, i, 99))) for i in range(exemplars)],
            )
            for place in range(categories)
        ]
    )


def test_only_exemplars_are_described_and_each_once(tmp_path: Path) -> None:
    teller, survey = Teller(), collection(3)
    source = CaptionPhrases(Describer(teller, FolderCaptions(tmp_path)))
    for _ in range(3):
        for number in range(3):
            source.propose(case(survey, number, wanting=(0, 1, 2)))
    assert teller.pictures == 3 * 4
    again = Teller()
    CaptionPhrases(Describer(again, FolderCaptions(tmp_path))).propose(case(survey, 0))
    assert again.pictures == 0


def test_neighbours_that_want_no_name_are_not_described() -> None:
    teller, survey = Teller(), collection(30)
    CaptionPhrases(Describer(teller)).propose(case(survey, 0, wanting=(0,)))
    assert teller.pictures == 4


def test_what_the_owner_wrote_counts_and_costs_nothing() -> None:
    pictures = [
        shown(i, flat((i, 0, 0)), text) for i, text in enumerate(["Old steam engine", "A steam engine in Leeds"])
    ]
    others = [shown(9, flat((9, 9, 9)), "A cat in Leeds")]
    survey = Survey([category(0, pictures_of("a", 4), pictures), category(1, pictures_of("b", 4), others)])
    proposal = CaptionPhrases(Describer(None)).propose(case(survey, 0))
    assert proposal is not None
    assert proposal.name == "Steam engine"
    assert proposal.model == "given"


def test_a_captioner_that_answers_too_little_is_a_fault() -> None:
    class Lazy(Teller):
        def describe(self, pictures: Sequence[bytes]) -> Sequence[str]:
            return []

    with pytest.raises(NamingError, match="described 0 of 4"):
        Describer(Lazy()).texts(collection(1).evidence[0])


def test_phrases_are_those_that_neighbours_lack() -> None:
    phrases = key_phrases(
        ["A brown horse in a green field.", "Two horses in a field", "The horse stands on grass"],
        [["A cow in a green field", "cows in the field"], ["A sheep on grass"]],
    )
    assert phrases[0][0].startswith("horse")
    assert key_phrases([], []) == []
    assert key_phrases(["of the and"], []) == []


@pytest.mark.skipif(not CAPTIONS.is_dir(), reason="the descriptions of ../shared/data/captions are not there")
@pytest.mark.parametrize(("file", "least"), [("stl10_object", 8), ("ppmi_instrument", 6)])
def test_real_descriptions_name_their_class(file: str, least: int) -> None:
    texts: dict[str, list[str]] = {}
    for line in (CAPTIONS / f"{file}.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        texts.setdefault(one["label"], []).append(one["caption"])
    hits = 0
    for label, own in texts.items():
        best = key_phrases(own[:8], [some[:8] for other, some in texts.items() if other != label])
        hits += label.casefold() in best[0][0]
    assert hits >= least, list(texts)
