"""Secrets, replays, the log, pings and removals; of one's own webhooks only."""

from __future__ import annotations

import threading
import time

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from categoriser import NotFoundError
from categoriser.catalog import webhooks as stored
from tests.library.webhooks.conftest import Open, fill
from tests.receiver import Receiver, Reply
from tests.waiting import wait_until


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
