"""Style, acceptance without a joint space, and when names are looked at again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from categoriser.naming import Style, Survey
from categoriser.naming.acceptance import judge
from categoriser.naming.relabel import Policy, Situation, better, decide
from tests.naming.conftest import case, category, pictures_of

POLICY = Policy()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ('"beach sunsets."', "Beach sunsets"),
        ("cats  and\ndogs", "Cats & dogs"),
        ("**Old trains**", "Old trains"),
        ("iPhone cases", "IPhone cases"),
    ],
)
def test_names_are_dressed_alike(given: str, name: str) -> None:
    assert Style().dressed(given) == name


def test_and_may_be_a_word() -> None:
    assert Style(ampersand=False).dressed("cats & dogs") == "Cats and dogs"


@pytest.mark.parametrize(
    "name", ["", "42", "A very long name indeed", "Photos", "Miscellaneous pictures", '{"name": 1}', "Кошки", "A/b"]
)
def test_names_that_do_not_suit_are_refused(name: str) -> None:
    assert Style().objection(name) is not None


def test_other_languages_may_use_their_letters() -> None:
    assert Style(language="Russian").objection("Кошки") is None


@given(st.text())
def test_dressing_twice_changes_nothing(text: str) -> None:
    style = Style()
    once = style.dressed(text)
    assert style.objection(once) is not None or style.dressed(once) == once


def test_a_name_is_unique_whatever_its_case() -> None:
    survey = Survey([category(0, pictures_of("cat", 3)), category(1, pictures_of("dog", 3))])
    verdict = judge("CATS", case(survey, 1, {"cats": 0}), None)
    assert verdict.refusal == "another category has this name"


@pytest.mark.parametrize(
    ("now", "step"),
    [
        (Situation(), "name"),
        (Situation("machine"), "keep"),
        (Situation("machine", grown=5, margin=0.2), "keep"),
        (Situation("machine", margin=-0.5), "keep"),  # nothing happened to it
        (Situation("machine", margin=-0.5, fresh=True), "relabel"),
        (Situation("machine", margin=-0.01, fresh=True), "strike"),
        (Situation("machine", margin=0.2, fresh=True), "keep"),
        (Situation("machine", fresh=True), "keep"),
        (Situation("machine", margin=-0.5, fresh=True, locked=True), "suggest"),
        (Situation("person", margin=-0.5, fresh=True), "keep"),  # it was made from nothing
        (Situation("machine", grown=5, margin=-0.01), "strike"),
        (Situation("machine", grown=5, margin=-0.01, strikes=1), "relabel"),
        (Situation("machine", drift=0.5, margin=-0.5), "relabel"),
        (Situation("machine", reshaped=True, margin=-0.5, renamed_today=20), "wait"),
        (Situation("machine", reshaped=True, margin=-0.5, locked=True), "suggest"),
        (Situation("person", reshaped=True, margin=-0.5), "suggest"),
        (Situation("person", margin=-0.5), "keep"),
        (Situation("machine", drift=0.3), "keep"),  # untested: only a large change counts
        (Situation("machine", drift=0.6), "relabel"),
        (Situation("machine", provisional=True), "keep"),
        (Situation("machine", provisional=True, fresh=True), "name"),
        (Situation("machine", provisional=True, reshaped=True), "name"),
        (Situation(locked=True), "name"),  # its first
        (Situation("machine", provisional=True, locked=True), "keep"),
    ],
)
def test_what_becomes_of_a_name(now: Situation, step: str) -> None:
    decision = decide(now, POLICY)
    assert decision.step == step
    assert (decision.because == "") == (step == "keep")


@given(
    st.builds(
        Situation,
        named_by=st.just("person"),
        provisional=st.just(False),
        locked=st.booleans(),
        grown=st.floats(0, 100),
        drift=st.floats(0, 2),
        reshaped=st.booleans(),
        margin=st.none() | st.floats(-2, 2),
        strikes=st.integers(0, 3),
        fresh=st.booleans(),
    )
)
def test_a_persons_name_is_never_changed(now: Situation) -> None:
    assert decide(now, POLICY).step in {"keep", "suggest"}


@given(
    st.builds(
        Situation,
        named_by=st.sampled_from(["machine", "person"]),
        provisional=st.booleans(),
        locked=st.just(True),
        grown=st.floats(0, 100),
        drift=st.floats(0, 2),
        reshaped=st.booleans(),
        margin=st.none() | st.floats(-2, 2),
        strikes=st.integers(0, 3),
        fresh=st.booleans(),
    )
)
def test_the_name_of_a_locked_category_is_never_changed_provisional_or_not(now: Situation) -> None:
    assert decide(now, POLICY).step in {"keep", "suggest"}


def test_a_new_name_has_to_be_clearly_better() -> None:
    assert not better(-0.05, -0.06, POLICY)
    assert better(0.1, -0.06, POLICY)
    assert better(None, -0.06, POLICY)
