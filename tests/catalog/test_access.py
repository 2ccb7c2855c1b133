"""Keys, tokens and the trail, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from hmac import compare_digest

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from categoriser.catalog import Database, collections
from categoriser.catalog.tables import collections as collections_table
from categoriser.catalog.tables_access import api_keys
from categoriser.errors import ConfigurationError, ForbiddenError, NotFoundError, UnauthenticatedError
from categoriser.library.access import Access, Deed, Principal, Scope
from categoriser.library.access import keys as keys_module
from categoriser.library.access.scopes import visible
from categoriser.settings import Settings


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(database: Database, clock: Clock) -> Iterator[Access]:
    opened = Access(database, Settings.load(encoder="classic").access, clock)
    yield opened
    opened.close()


def refused(access: Access, text: str) -> str:
    access.forget()
    with pytest.raises(UnauthenticatedError) as caught:
        access.identify(text)
    return str(caught.value)


def test_a_key_is_known_by_its_text_and_kept_as_a_digest(access: Access, database: Database) -> None:
    made = access.create(["write:anna", "read:user-*"], label="the hook")
    kind, public_id, secret = made.key.split("_")
    assert (kind, public_id, len(secret)) == ("cat", made.info.id, 64)
    assert made.key not in repr(made)
    who = access.identify(made.key)
    assert who.key_id == public_id
    assert who.may("write", "anna")
    assert who.may("read", "user-1")
    assert not who.may("write", "user-1")
    assert not who.may("read", "bob")
    with database.read() as connection:
        row = str(connection.execute(sa.select(api_keys)).one())
    assert secret not in row


def test_nobody_elses_text_is_a_key(access: Access) -> None:
    key = access.create(["admin"]).key
    for wrong in (key[:-1], key + "0", key[:-1] + ("0" if key[-1] != "0" else "1"), key.upper(), "cat_", "", "x.y.z"):
        assert "valid" in refused(access, wrong)


def test_keys_are_compared_in_constant_time_also_where_there_is_none(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return compare_digest(one, other)

    key = access.create(["admin"]).key
    monkeypatch.setattr(keys_module.hmac, "compare_digest", compare)
    access.identify(key)
    here = len(compared)
    refused(access, key[:-8] + "00000000")
    refused(access, "cat_" + "a" * 12 + "_" + "0" * 64)
    assert here == 2
    assert len(compared) == 3 * here


def test_a_key_expires_and_a_revoked_one_is_over_at_once(access: Access, clock: Clock) -> None:
    short, long = access.create(["admin"], seconds=60), access.create(["admin"])
    access.identify(short.key)
    clock.time += 61
    assert "has expired" in refused(access, short.key)
    access.identify(long.key)
    access.revoke(long.info.id)
    with pytest.raises(UnauthenticatedError, match="revoked"):
        access.identify(long.key)
    assert access.revoke(long.info.id).revoked_at == clock.time
    assert not access.any_valid()
    assert access.needed(beyond_loopback=False)  # that the last one is gone opens nothing
    with pytest.raises(ConfigurationError, match="revoked or has expired"):
        access.rotate(long.info.id)


def test_a_rotated_key_leaves_its_old_self_the_time_that_was_chosen(access: Access, clock: Clock) -> None:
    first = access.create(["write:anna"])
    second = access.rotate(first.info.id, grace=100)
    assert access.identify(first.key).key_id == access.identify(second.key).key_id
    clock.time += 101
    assert "was rotated" in refused(access, first.key)
    access.identify(second.key)
    third = access.rotate(first.info.id)
    with pytest.raises(UnauthenticatedError):
        access.identify(second.key)
    access.identify(third.key)


def test_a_token_gives_no_more_than_its_key_has(access: Access, clock: Clock) -> None:
    giver = access.identify(access.create(["write:user-*", "read:anna"]).key)
    made = access.tokens.issue(giver, "user-7", "write", 3600)
    who = access.identify(made.token)
    assert (who.kind, who.key_id, [str(one) for one in who.scopes]) == ("token", giver.key_id, ["write:user-7"])
    assert made.token not in repr(made)
    for name, right in (("anna", "write"), ("bob", "read"), ("user", "read")):
        with pytest.raises(ForbiddenError, match="cannot give"):
            access.tokens.issue(giver, name, right, 60)  # type: ignore[arg-type]
    for seconds in (0, 86401, float("nan")):
        with pytest.raises(ConfigurationError, match="lasts 1 to"):
            access.tokens.issue(giver, "anna", "read", seconds)
    with pytest.raises(ForbiddenError, match="not with another token"):
        access.tokens.issue(who, "user-7", "read", 60)
    clock.time += 3601
    assert "has expired" in refused(access, made.token)


def test_a_token_ends_with_its_key(access: Access, clock: Clock) -> None:
    short = access.create(["admin"], seconds=100)
    token = access.tokens.issue(access.identify(short.key), "anna", "read", 3600)
    assert token.expires_at == clock.time + 100
    key = access.create(["admin"])
    token = access.tokens.issue(access.identify(key.key), "anna", "read", 3600)
    access.rotate(key.info.id, grace=60)
    access.identify(token.token)
    clock.time += 61
    assert "was rotated" in refused(access, token.token)
    access.revoke(short.info.id)
    other = access.create(["admin"])
    token = access.tokens.issue(access.identify(other.key), "anna", "read", 3600)
    access.revoke(other.info.id)
    assert "was revoked" in refused(access, token.token)


def test_what_signs_tokens_can_be_changed_at_once_or_later(access: Access, clock: Clock) -> None:
    giver = access.identify(access.create(["admin"]).key)
    first = access.tokens.issue(giver, "anna", "read", 3600).token
    access.renew_secret(grace=100)
    second = access.tokens.issue(giver, "anna", "read", 3600).token
    access.identify(first)
    clock.time += 101
    assert "not valid any more" in refused(access, first)
    access.identify(second)
    access.renew_secret(grace=0)
    assert "not valid any more" in refused(access, second)


def test_a_token_that_was_tampered_with_is_none(access: Access) -> None:
    giver = access.identify(access.create(["admin"]).key)
    token = access.tokens.issue(giver, "anna", "read", 3600).token
    head, body, sign = token.split(".")
    unsigned = "eyJhbGciOiJub25lIiwia2lkIjoiMSJ9"  # {"alg":"none","kid":"1"}
    for wrong in (
        f"{head}.{body}.",
        f"{unsigned}.{body}.",
        f"{head}.{body[:-2]}AA.{sign}",
        f"{head}.{body}.{sign[:-4]}AAAA",
    ):
        assert "no valid key or token" in refused(access, wrong)


def test_a_session_that_is_ended_counts_nowhere(access: Access) -> None:
    who = access.identify(access.create(["admin"]).key)
    made = access.tokens.session(who, 3600)
    session = access.identify(made.token)
    access.end(session)
    with pytest.raises(UnauthenticatedError):
        access.identify(made.token)


def test_what_another_process_revokes_counts_here_soon(
    access: Access, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = access.create(["admin"])
    access.identify(key.key)
    other = Access(database, access.settings)
    other.revoke(key.info.id)
    other.close()
    monkeypatch.setattr("categoriser.library.access.access.FRESH", -1.0)  # as if a second had passed
    with pytest.raises(UnauthenticatedError, match="revoked"):
        access.identify(key.key)


def test_keys_are_needed_from_the_first_one_on(access: Access, database: Database) -> None:
    assert not access.needed(beyond_loopback=False)
    assert access.needed(beyond_loopback=True)
    access.create(["read:anna"])
    assert access.needed(beyond_loopback=False)
    off = Settings.load(encoder="classic", access={"keys": "off"}).access
    assert not Access(database, off).needed(beyond_loopback=False)
    required = Settings.load(encoder="classic", access={"keys": "required"}).access
    assert Access(database, required).needed(beyond_loopback=False)


def test_keys_are_listed_page_by_page_without_secrets(access: Access) -> None:
    made = [access.create(["read:anna"], label=str(number)) for number in range(5)]
    first = access.page(limit=3)
    assert [one.label for one in first + access.page(after=first[-1].cursor, limit=3)] == list("01234")
    assert all(one.key not in str(first) for one in made)
    with pytest.raises(NotFoundError):
        access.get("unknown")


def test_when_a_key_was_used_is_noted_and_not_at_every_request(access: Access, clock: Clock) -> None:
    key = access.create(["admin"])
    access.identify(key.key)
    access.trail.flush()
    noted = access.get(key.info.id).last_used_at
    assert noted == clock.time
    clock.time += 599
    access.forget()
    access.identify(key.key)
    access.trail.flush()
    assert access.get(key.info.id).last_used_at == noted
    clock.time += 2
    access.forget()
    access.identify(key.key)
    access.trail.flush()
    assert access.get(key.info.id).last_used_at == clock.time


def test_the_trail_is_read_backwards_page_by_page_and_outlives_its_writer(access: Access, database: Database) -> None:
    for number in range(7):
        access.trail.record(
            Deed(number, "k", "key", f"POST /{number}", "anna" if number % 2 else None, 200, number == 3)
        )
    access.close()
    again = Access(database, access.settings)
    first = again.trail.page(limit=4)
    rest = again.trail.page(before=first[-1].cursor, limit=4)
    assert [one.at for one in first + rest] == [6, 5, 4, 3, 2, 1, 0]
    assert [one.at for one in again.trail.page(collection="anna")] == [5, 3, 1]
    assert [one.at for one in again.trail.page(denied=True)] == [3]
    assert again.trail.page(who="nobody") == []


def test_with_a_collection_every_right_to_its_name_goes(access: Access) -> None:
    only, also = access.create(["write:anna"]), access.create(["read:anna", "read:bob"])
    access.trail.record(Deed(0, only.info.id, "key", "POST /", "anna", 200, denied=False))
    assert (access.holders("anna"), access.entries("anna")) == (2, 1)
    access.forget_collection("anna", "k3v9qm2x")
    assert (access.holders("anna"), access.entries("anna"), access.entries("k3v9qm2x")) == (0, 0, 1)
    assert "revoked" in refused(access, only.key)
    who = access.identify(also.key)
    assert who.may("read", "bob")
    assert not who.may("read", "anna")


def test_tokens_for_a_deleted_collection_are_not_for_the_next_one_of_that_name(access: Access, clock: Clock) -> None:
    giver = access.identify(access.create(["write:*", "read:bob"]).key)
    token = access.tokens.issue(giver, "anna", "write", 3600).token
    other = access.tokens.issue(giver, "bob", "read", 3600).token
    session = access.tokens.session(access.identify(token), 3600).token
    for one in (token, other, session):
        access.identify(one)
    clock.time += 1
    access.forget_collection("anna", "k3v9qm2x")
    assert "has expired" in refused(access, token)
    assert "has expired" in refused(access, session)
    access.identify(other)
    clock.time += 0.01
    access.identify(access.tokens.issue(giver, "anna", "read", 3600).token)  # for whoever has the name now
    clock.time += 90000
    access.forget_collection("zoe", "abcdefgh")  # and again, when nothing is left to be closed
    access.forget_collection("zoe", "abcdefgh")


def test_a_list_shows_exactly_what_may_be_read(database: Database) -> None:
    names = ["anna", "annabel", "ANNA", "user-1", "User-2", "user_3", "50%", "50% off", "a//b", "é", "é2", "_"]
    with database.write() as connection:
        for name in names:
            collections.create(connection, name, encoder_id="c", encoder_spec="c", dimension=4, granularity="balanced")
        connection.execute(sa.update(collections_table).where(collections_table.c.name == "_").values(parent_key="x"))

    @given(st.lists(st.builds(Scope, st.just("read"), st.sampled_from([*names, "a", "user", "5"]), st.booleans())))
    def holds(scopes: list[Scope]) -> None:
        who = Principal("key", tuple(scopes))
        with database.read() as connection:
            listed = [row.name for row in collections.page(connection, visible=visible(scopes))]
        assert sorted(listed) == sorted(name for name in names if name != "_" and who.may("read", name))

    holds()
