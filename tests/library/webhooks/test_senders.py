"""One sender at a time, whoever is there and whoever dies."""

from __future__ import annotations

import time
from pathlib import Path

from categoriser import Library
from categoriser.catalog import webhooks as stored
from tests.library.webhooks.conftest import PATIENT, Open, fill
from tests.receiver import Receiver
from tests.waiting import wait_until


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
