"""Every event is told in order, and again until it is received."""

from __future__ import annotations

import threading
import time

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.library.webhooks.conftest import Open, fill
from tests.receiver import Receiver, receiving
from tests.waiting import wait_until


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
