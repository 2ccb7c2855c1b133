"""Only addresses that are safe are told, and nothing that makes no sense is taken."""

from __future__ import annotations

import pytest

from categoriser import ConfigurationError, RejectedError
from categoriser.catalog import webhooks as stored
from tests.library.webhooks.conftest import Open
from tests.receiver import Receiver


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
