"""Names of categories of texts, and how they are published: as those of pictures are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from categoriser import Library, View
from categoriser.naming import Chain, Named, Survey
from categoriser.naming.labels import LabelNames
from tests.descriptions import KINDS, described
from tests.naming.conftest import case, category, pictures_of


def named(labels: dict[int, dict[str, float]], number: int, taken: dict[str, int] | None = None) -> Named:
    names = LabelNames(labels, kind="texts", version="1")
    survey = Survey([category(one, pictures_of(f"w{one}", 5)) for one in labels])
    found = Chain([names], lambda _: names).name(case(survey, number, taken))
    assert found is not None
    return found


def test_a_category_is_called_what_its_texts_share_and_others_lack() -> None:
    labels = {0: {"dog": 9.0, "grass": 8.0}, 1: {"horse": 9.0, "grass": 8.0}, 2: {"ship": 5.0}}
    assert [named(labels, number).name for number in labels] == ["Dog", "Horse", "Ship"]
    assert named(labels, 0).evidence()["rank"] == 1


def test_a_word_belongs_to_the_category_that_most_of_it_is_in() -> None:
    labels = {0: {"dog": 90.0, "puppy": 5.0}, 1: {"dog": 9.0, "terrier": 4.0}, 2: {"ship": 9.0}}
    assert named(labels, 0).name == "Dog"
    assert named(labels, 1, {"dog": 0}).name == "Terrier"


def test_where_nothing_tells_two_apart_the_second_is_numbered_and_provisional() -> None:
    labels = {0: {"dog": 9.0}, 1: {"dog": 9.0}}
    one = named(labels, 1, {"dog": 0})
    assert (one.name, one.proposal.provisional) == ("Dog 2", True)


def test_a_label_keeps_its_language_and_its_length() -> None:
    view = LabelNames({0: {"лошадь": 3.0}}, kind="texts", version="1")
    assert view.fit("Лошадь", 0) is not None
    assert view.fit("nothing of this", 0) is None


@pytest.fixture
def view(tmp_path: Path) -> Iterator[View]:
    texts, _ = described(60)
    with Library.open(tmp_path / "library", "classic", automatic_runs=False) as library:
        made = library.text_collection("films", criterion="object")
        made.add_texts({f"i{i}": text for i, text in enumerate(texts)})
        made.run()
        yield made


def _called(view: View, label: str) -> str:
    return next(one.id for one in view.categories() if one.label == label)


def test_names_of_a_view_are_a_version_with_evidence(view: View) -> None:
    assert view.versions()[0].kind == "naming"
    assert {one.detail["label"] for one in view.events(limit=1000) if one.kind == "name"} == {
        kind.capitalize() for kind in KINDS
    }
    why = view.why_name(_called(view, "Horse"))
    assert (why.source, why.because, why.provisional) == ("texts", "it had no name", False)
    assert why.evidence["words"][0][0] == "horse"
    assert why.evidence["rank"] == 1
    assert why.captions  # what its exemplars say


def test_what_has_a_name_is_left_alone(view: View) -> None:
    version = view.row.taxonomy_version
    report = view.name_categories()
    assert (report.named, report.renamed, report.version) == (0, 0, None)
    assert view.row.taxonomy_version == version


def test_a_name_of_a_view_that_was_taken_back_does_not_return(view: View) -> None:
    horse = _called(view, "Horse")
    view.undo(view.versions()[0].version)
    assert view.category(horse).label != "Horse"
    view.name_categories()
    assert "Horse" not in {one.label for one in view.categories()}
    assert view.category(horse).named_by == "machine"  # it has another one


def test_a_persons_name_in_a_view_is_only_questioned(view: View) -> None:
    horse, ship = _called(view, "Horse"), _called(view, "Ship")
    view.rename(horse, "Horse")
    view.name_categories()  # notes what it is when a person named it
    horses = [one for one, place in view.assignments().items() if place == horse]
    view.move([one for one, place in view.assignments().items() if place == ship], horse)
    view.delete(horses)
    view.name_categories()
    assert view.category(horse).label == "Horse"
    assert view.why_name(horse).suggestion == "Ship"


def test_a_name_that_one_gives_up_goes_to_another_in_the_same_session(view: View) -> None:
    horse, ship = _called(view, "Horse"), _called(view, "Ship")
    by_place = {place: [one for one, at in view.assignments().items() if at == place] for place in (horse, ship)}
    view.split(horse, by_place[horse][1:])
    view.move(by_place[ship][1:], horse)
    view.delete([by_place[horse][0], by_place[ship][0]])
    report = view.name_categories()
    assert (report.named, report.renamed) == (1, 1)
    assert view.category(horse).label == "Ship"
    assert "Horse" in {one.label for one in view.categories()}
