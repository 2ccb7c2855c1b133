"""What scopes allow, whatever names look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from categoriser.errors import ConfigurationError
from categoriser.library.access import Scope, parse_scopes

NAMES = st.text(st.sampled_from("ab*\\:/- é"), min_size=1, max_size=8)
SCOPES = st.builds(Scope, st.sampled_from(["read", "write"]), NAMES, st.booleans()) | st.just(Scope("admin"))


@given(SCOPES)
def test_a_scope_reads_back_as_it_was_written(scope: Scope) -> None:
    assert Scope.parse(str(scope)) == scope


@given(SCOPES, SCOPES, NAMES, st.sampled_from(["read", "write", "admin"]))
def test_what_a_covered_scope_allows_the_covering_one_allows(one: Scope, other: Scope, name: str, right: str) -> None:
    if one.covers(other) and other.allows(right, name):
        assert one.allows(right, name)


@given(SCOPES, NAMES)
def test_only_admins_are_admins_and_writers_read(scope: Scope, name: str) -> None:
    assert scope.allows("admin", name) == (scope.right == "admin")
    assert not scope.allows("write", name) or scope.allows("read", name)
    assert scope.right != "read" or not scope.allows("write", name)


def test_a_name_that_ends_in_a_star_is_no_prefix() -> None:
    assert Scope.parse(r"read:50\*").allows("read", "50*")
    assert not Scope.parse(r"read:50\*").allows("read", "500")
    assert Scope.parse("read:user-*").allows("read", "user-7")
    assert not Scope.parse("read:user-*").allows("read", "USER-7")
    assert not Scope.parse("read:anna").allows("read", "annabel")


@pytest.mark.parametrize("text", ["", "read", "read:", "delete:anna", "Admin", "write:a*b", "read:a\\", "admin:x", "*"])
def test_what_is_no_scope_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no scope"):
        Scope.parse(text)


def test_a_key_without_any_scope_makes_no_sense() -> None:
    with pytest.raises(ConfigurationError, match="needs a scope"):
        parse_scopes([])
