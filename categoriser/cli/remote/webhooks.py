"""Webhooks of a service: of one collection, and of many."""

from __future__ import annotations

from collections.abc import Sequence

from categoriser.api.models.webhooks import NewWebhookInfo
from categoriser.cli.remote.values import as_plain, some
from categoriser.client import Client, RemoteCollection
from categoriser.client.description import PAGE
from categoriser.library.webhooks import Delivery, NewWebhook, Webhook


class RemoteBoard:
    """See ``categoriser.cli.reachable.Board``. ``owner``: a collection, or the service for those of many."""

    def __init__(self, owner: RemoteCollection | Client) -> None:
        self._owner = owner

    def add(self, url: str, *, types: Sequence[str] = (), prefix: str | None = None) -> NewWebhook:
        if isinstance(self._owner, Client):
            return _new(self._owner.add_webhook(url, prefix=prefix or "", types=types))
        return _new(self._owner.add_webhook(url, types=types))

    def list(self, *, after: str = "", limit: int = 100) -> Sequence[Webhook]:
        return some((as_plain(Webhook, one) for one in self._owner.webhooks() if one.id > after), limit)

    def change(self, webhook: str, *, enabled: bool | None = None) -> Webhook:
        return as_plain(Webhook, self._owner.change_webhook(webhook, enabled=enabled))

    def remove(self, webhook: str) -> None:
        self._owner.remove_webhook(webhook)

    def rotate(self, webhook: str, *, overlap_hours: float = 24.0) -> NewWebhook:
        return _new(self._owner.rotate_webhook(webhook, overlap_hours=overlap_hours))

    def replay(self, webhook: str, after: int) -> Webhook:
        return as_plain(Webhook, self._owner.replay_webhook(webhook, after))

    def ping(self, webhook: str) -> Delivery:
        return as_plain(Delivery, self._owner.ping_webhook(webhook))

    def deliveries(self, webhook: str, *, before: int | None = None, limit: int = 100) -> Sequence[Delivery]:
        page = self._owner.delivery_page(webhook, before=before, limit=min(limit, PAGE))
        return [as_plain(Delivery, one) for one in page.deliveries]


def _new(info: NewWebhookInfo) -> NewWebhook:
    return NewWebhook(as_plain(Webhook, info), info.secret)
