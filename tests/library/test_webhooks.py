"""Webhooks are told of every event in order, at least once, by one sender, and only where that is safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from categoriser import Collection, ConfigurationError, Library, NotFoundError, RejectedError
from categoriser.catalog import webhooks as stored
from tests.receiver import Receiver, Reply, receiving
from tests.waiting import wait_until
from tests.whole import clusters

PATIENT = {"first_wait": 0.02, "longest_wait": 0.05, "poll_seconds": 0.1, "allow_private_addresses": True}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


Open = Callable[..., Library]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made: list[Library] = []

    def opened(**webhooks: Any) -> Library:
        settings = PATIENT | webhooks
        made.append(Library.open(tmp_path / "library", encoder="vectors:8", webhooks=settings))
        return made[-1]

    yield opened
    for library in made:
        library.close()


def fill(collection: Collection, number: int, *, start: int = 0) -> list[int]:
    """Add so many images; returns the cursors of their events."""
    before = collection.last_cursor()
    ids = [f"{start + i}" for i in range(number)]
    collection.add_vectors(ids, clusters(number, seed=start))
    return [event.cursor for event in collection.events(after=before, limit=10_000)]


def test_every_event_is_told_in_order_and_signed_so_that_a_receiver_can_check(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("anna's photos")
    fill(photos, 3)
    made = photos.webhooks.add(receiver.url)
    with library.delivering():
        cursors = fill(photos, 70, start=10)  # more than a batch
        got = receiver.wait(len(cursors))
    assert receiver.cursors == cursors  # nothing of what was before, nothing twice
    verifier = Verifier(made.secret)
    for one in got:
        assert verifier.verify(one.body, one.headers) == one.json
    events = photos.events(after=cursors[0] - 1, limit=1)
    first = got[0].json
    assert first["type"] == events[0].kind
    assert first["timestamp"].endswith("Z")
    assert first["data"] == {"collection": "anna's photos", "cursor": cursors[0], **events[0].detail}
    assert len({one.id for one in got}) == len(got)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(got[0].body + b" ", got[0].headers)
    assert photos.webhooks.get(made.webhook.id).waiting == 0


def test_only_the_wanted_kinds_are_told(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    made = photos.webhooks.add(receiver.url, types=["lock", "rename"])
    with library.delivering():
        fill(photos, 200)
        photos.run()
        photos.lock(photos.categories()[0].id)
        receiver.wait(1)
        wait_until(lambda: photos.webhooks.get(made.webhook.id).waiting == 0)
    assert [one.json["type"] for one in receiver.got] == ["lock"]


def test_a_receiver_that_fails_is_told_again_until_it_has_everything_in_order(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    receiver.reply = lambda number: (500, {}) if number % 3 else (200, {})  # two failures before each success
    with library.delivering():
        cursors = fill(photos, 4)
        wait_until(lambda: photos.webhooks.get(hook).waiting == 0)
    received = [one for number, one in enumerate(receiver.got) if number % 3 == 0]
    assert [one.json["data"]["cursor"] for one in received] == cursors
    assert {one.id for one in received} == {one.id for one in receiver.got}  # a repetition has the id that it had
    log = photos.webhooks.deliveries(hook)
    assert [one.id for one in log] == sorted((one.id for one in log), reverse=True)
    assert {one.problem for one in log} == {None, "it answered 500"}
    assert max(one.attempt for one in log) == 3
    page = photos.webhooks.deliveries(hook, before=log[1].id, limit=3)
    assert page == log[2:5]


def test_one_that_asks_to_wait_is_left_in_peace(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    receiver.reply = lambda _: (429, {"retry-after": "1000"})
    with library.delivering():
        fill(photos, 1)
        wait_until(lambda: photos.webhooks.get(hook).failures == 1)
    shown = photos.webhooks.get(hook)
    assert shown.next_at is not None
    assert 900 < shown.next_at - time.time() <= 1000
    assert (shown.enabled, shown.problem) == (True, "it answered 429")


def test_one_that_is_slow_is_given_up_for_now_and_holds_up_nobody_else(opened: Open, receiver: Receiver) -> None:
    library = opened(seconds=0.2)
    slow, quick = library.collection("slow"), library.collection("quick")
    free = threading.Event()
    with receiving() as sleepy:
        sleepy.reply = lambda _: (200, {}) if free.wait(60) else (500, {})
        hook = slow.webhooks.add(sleepy.url).webhook.id
        quick.webhooks.add(receiver.url)
        with library.delivering():
            fill(slow, 1)
            sleepy.wait(1)
            receiver.wait(len(fill(quick, 2)))
            wait_until(lambda: slow.webhooks.get(hook).problem == "there was no answer within 0.2 seconds")
            free.set()
            wait_until(lambda: slow.webhooks.get(hook).waiting == 0)
    assert slow.webhooks.get(hook).problem is None


def test_one_that_is_gone_is_disabled_and_the_log_says_so(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    receiver.reply = lambda _: (410, {})
    with library.delivering():
        cursors = fill(photos, 2)
        wait_until(lambda: not photos.webhooks.get(hook).enabled)
        told = [event for event in photos.events(limit=1000) if event.kind == "webhook-off"]
        assert [(one.detail["webhook"], one.detail["reason"]) for one in told] == [
            (hook, "it answered 410: nobody is there any more")
        ]
        assert len(receiver.got) == 1
        receiver.reply = lambda _: (200, {})
        photos.webhooks.change(hook, enabled=True)
        fill(photos, 1, start=50)
        wait_until(lambda: photos.webhooks.get(hook).waiting == 0)
    assert receiver.cursors[1 : 1 + len(cursors)] == cursors  # nothing was left out while it was disabled
    kinds = [one.json["type"] for one in receiver.got]
    assert kinds.index("webhook-off") < kinds.index("webhook-on")


def test_one_that_fails_for_long_is_disabled(opened: Open, receiver: Receiver) -> None:
    library = opened(give_up_hours=0.00003)
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    receiver.reply = lambda _: (503, {})
    with library.delivering():
        fill(photos, 1)
        wait_until(lambda: not photos.webhooks.get(hook).enabled)
    shown = photos.webhooks.get(hook)
    assert shown.failures > 1
    assert "the last attempt: it answered 503" in str(shown.problem)


def test_a_secret_is_replaced_without_a_gap(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    made = photos.webhooks.add(receiver.url)
    new = photos.webhooks.rotate(made.webhook.id)
    assert (new.webhook.secrets, new.secret == made.secret) == (2, False)
    with library.delivering():
        receiver.wait(len(fill(photos, 1)))
        for secret in (made.secret, new.secret):
            Verifier(secret).verify(receiver.got[-1].body, receiver.got[-1].headers)
        newest = photos.webhooks.rotate(made.webhook.id, overlap_hours=0)
        count = len(receiver.got)
        receiver.wait(count + len(fill(photos, 1, start=5)))
    last = receiver.got[-1]
    Verifier(newest.secret).verify(last.body, last.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(new.secret).verify(last.body, last.headers)


def test_events_can_be_delivered_again(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    with library.delivering():
        cursors = fill(photos, 5)
        first = receiver.wait(len(cursors))
        wait_until(lambda: photos.webhooks.get(hook).waiting == 0)
        photos.webhooks.replay(hook, cursors[1])
        again = receiver.wait(2 * len(cursors) - 2)[len(cursors) :]
    assert [one.id for one in again] == [one.id for one in first[2:]]
    assert [one.body for one in again] == [one.body for one in first[2:]]


def test_what_was_received_while_a_replay_was_asked_for_stands_in_the_log(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook, begun, may = photos.webhooks.add(receiver.url).webhook.id, threading.Event(), threading.Event()

    def reply(number: int) -> Reply:
        if number == 0:
            begun.set()
            may.wait(30)
        return 204, {}

    receiver.reply = reply
    with library.delivering():
        (cursor,) = fill(photos, 1)
        assert begun.wait(30)
        photos.webhooks.replay(hook, cursor - 1)
        may.set()
        receiver.wait(2)
        wait_until(lambda: len(photos.webhooks.deliveries(hook)) == 2)


def test_nobody_stumbles_over_a_webhook_that_is_removed_while_it_is_told(
    opened: Open, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id

    def reply(_: int) -> Reply:
        photos.webhooks.remove(hook)
        return 204, {}

    receiver.reply = reply
    with library.delivering():
        fill(photos, 1)
        receiver.wait(1)
    assert photos.webhooks.list() == []
    assert "could not be served" not in caplog.text


def test_a_ping_says_what_came_of_it(opened: Open, receiver: Receiver) -> None:
    photos = opened().collection("a")
    made = photos.webhooks.add(receiver.url)
    done = photos.webhooks.ping(made.webhook.id)
    assert (done.status, done.problem, done.kind) == (204, None, "ping")
    assert Verifier(made.secret).verify(receiver.got[0].body, receiver.got[0].headers)["type"] == "ping"
    receiver.reply = lambda _: (302, {"location": "http://127.0.0.1:1/"})
    assert photos.webhooks.ping(made.webhook.id).problem == "it answered 302 (redirects are not followed)"
    assert len(receiver.got) == 2


def test_what_was_not_delivered_when_the_service_ended_is_delivered_by_the_next(
    tmp_path: Path, receiver: Receiver
) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8", webhooks=PATIENT) as library:
        photos = library.collection("a")
        photos.webhooks.add(receiver.url)
        with library.delivering():
            cursors = fill(photos, 3)
            receiver.wait(len(cursors))
        cursors += fill(photos, 3, start=10)
    with Library.open(tmp_path / "library", webhooks=PATIENT) as library, library.delivering():
        receiver.wait(len(cursors))
    assert receiver.cursors == cursors


def test_several_senders_on_one_database_do_not_send_double(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    with library.delivering(), library.delivering(), library.delivering():
        cursors = [cursor for start in range(0, 100, 10) for cursor in fill(photos, 10, start=start)]
        wait_until(lambda: photos.webhooks.get(hook).waiting == 0)
    assert receiver.cursors == cursors


def test_a_sender_that_died_is_followed_by_another_and_notes_nothing_any_more(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    cursors = fill(photos, 2)
    database = library.storage.database
    with database.write() as connection:  # it claims, and is never heard of again
        row = stored.by_key(connection, hook, photos.row.id)
        assert row is not None
        dead = stored.claim(connection, row, now=1.0, expires_at=time.time() + 0.2)
        assert dead is not None
        assert stored.claim(connection, row, now=1.0, expires_at=2.0) is None
    with library.delivering():
        receiver.wait(len(cursors))
        wait_until(lambda: photos.webhooks.get(hook).waiting == 0)
    with database.write() as connection:
        assert not stored.advance(connection, dead, photos.row.id, 0, expires_at=0.0)
    assert photos.webhooks.get(hook).waiting == 0


def test_a_prefix_has_the_events_of_all_its_collections_and_of_no_other(opened: Open, receiver: Receiver) -> None:
    library = opened()
    old = library.collection("shop/old")
    fill(old, 2)
    hook = library.prefix_webhooks.add(receiver.url, prefix="shop/").webhook
    assert (hook.prefix, library.prefix_webhooks.list()[0].id) == ("shop/", hook.id)
    with library.delivering():
        fill(library.collection("other"), 2)
        expected = [("shop/old", cursor) for cursor in fill(old, 2, start=10)]
        expected += [("shop/new", cursor) for cursor in fill(library.collection("shop/new"), 2)]
        got = receiver.wait(len(expected))
        wait_until(lambda: library.prefix_webhooks.get(hook.id).waiting == 0)
    assert sorted((one.json["data"]["collection"], one.json["data"]["cursor"]) for one in got) == sorted(expected)


def test_webhooks_of_one_collection_are_nobody_elses(opened: Open, receiver: Receiver) -> None:
    library = opened()
    one, other = library.collection("one"), library.collection("other")
    hook = one.webhooks.add(receiver.url).webhook.id
    assert other.webhooks.list() == library.prefix_webhooks.list() == []
    for board in (other.webhooks, library.prefix_webhooks):
        for act in (board.get, board.remove, board.rotate, board.ping, board.deliveries, board.change):
            with pytest.raises(NotFoundError):
                act(hook)
    with library.delivering():
        fill(other, 2)
        cursors = fill(one, 2)
        receiver.wait(len(cursors))
    assert {entry.json["data"]["collection"] for entry in receiver.got} == {"one"}
    library.delete_collection("one")
    with library.storage.database.read() as connection:
        assert stored.due(connection, time.time()) == []


def test_a_webhook_that_was_removed_is_told_nothing_more(opened: Open, receiver: Receiver) -> None:
    library = opened()
    photos = library.collection("a")
    hook = photos.webhooks.add(receiver.url).webhook.id
    photos.webhooks.remove(hook)
    with library.delivering():
        keeper = photos.webhooks.add(receiver.url.replace("hook", "other")).webhook.id
        count = len(fill(photos, 2))
        wait_until(lambda: photos.webhooks.get(keeper).waiting == 0)
    assert len(receiver.got) == count
    assert [one.id for one in photos.webhooks.list()] == [keeper]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://127.0.0.1/hook", "private or reserved"),
        ("https://localhost:8642/hook", "private or reserved"),
        ("https://[::1]/hook", "private or reserved"),
        ("https://169.254.169.254/latest", "private or reserved"),
        ("https://10.0.0.7/hook", "private or reserved"),
        ("https://[::ffff:127.0.0.1]/hook", "private or reserved"),
        ("https://2130706433/hook", "private or reserved"),
        ("http://8.8.8.8/hook", "no https address"),
        ("file:///etc/passwd", "no https address"),
        ("ftp://8.8.8.8/", "no https address"),
        ("https:///hook", "no https address"),
        ("https://user:secret@8.8.8.8/hook", "no user, password"),
        ("https://8.8.8.8/hook\r\nX-Evil: 1", "not a valid URL"),
        ("https://8.8.8.8/" + "x" * 3000, "at most 2,000"),
        ("https://8.8.8.8:99999/", "not a valid"),
        ("nonsense", "no https address"),
    ],
)
def test_addresses_that_are_not_safe_are_refused(opened: Open, url: str, reason: str) -> None:
    photos = opened(allow_private_addresses=False).collection("a")
    with pytest.raises(RejectedError, match=reason) as told:
        photos.webhooks.add(url)
    assert "secret" not in str(told.value)
    assert photos.webhooks.list() == []


def test_an_address_is_checked_again_when_it_is_connected_to(
    opened: Open, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = opened(allow_private_addresses=False)
    photos = library.collection("a")
    hook = photos.webhooks.add("https://8.8.8.8/hook").webhook.id
    with library.storage.database.write() as connection:  # as a name that leads elsewhere by now
        row = stored.by_key(connection, hook, photos.row.id)
        assert row is not None
        stored.update(connection, row.id, url=receiver.url)
    assert "private or reserved" in str(photos.webhooks.ping(hook).problem)
    assert receiver.got == []


def test_what_makes_no_sense_is_refused(opened: Open, receiver: Receiver) -> None:
    library = opened(per_collection=2)
    photos = library.collection("a")
    with pytest.raises(ConfigurationError, match="no kind of event"):
        photos.webhooks.add(receiver.url, types=["nonsense"])
    with pytest.raises(ConfigurationError, match="prefix"):
        photos.webhooks.add(receiver.url, prefix="a")
    with pytest.raises(ConfigurationError, match="prefix"):
        library.prefix_webhooks.add(receiver.url)
    hook = photos.webhooks.add(receiver.url).webhook.id
    with pytest.raises(ConfigurationError, match="overlap"):
        photos.webhooks.rotate(hook, overlap_hours=-1)
    photos.webhooks.add(receiver.url)
    with pytest.raises(RejectedError, match="2 webhooks already"):
        photos.webhooks.add(receiver.url)
