"""Webhooks: of a collection, and of all collections whose names begin with a prefix."""

from __future__ import annotations

from collections.abc import Sequence

from categoriser.api.models.webhooks import (
    DeliveryInfo,
    DeliveryPage,
    NewWebhookInfo,
    Removed,
    WebhookInfo,
    WebhookPage,
)
from categoriser.client.description import PAGE, Call, Pages, given, pages
from categoriser.client.place import Place, ask, each


class _AnyWebhooks(Place):
    """What both kinds have."""

    @each
    def webhooks(self) -> Pages[WebhookInfo]:
        """Who is told of events."""
        here = self._owner()
        return pages(
            lambda after: here._get(WebhookPage, "webhooks", after=after, limit=PAGE),
            lambda page: page.webhooks,
            lambda page: page.next,
        )

    @ask
    def webhook(self, webhook: str) -> Call[WebhookInfo]:
        """One of them."""
        return self._owner()._get(WebhookInfo, "webhooks", webhook)

    @ask
    def change_webhook(
        self,
        webhook: str,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> Call[WebhookInfo]:
        """Change, enable or disable a webhook."""
        body = given(url=url, types=None if types is None else list(types), enabled=enabled)
        return self._owner()._send("PATCH", WebhookInfo, "webhooks", webhook, json=body)

    @ask
    def remove_webhook(self, webhook: str) -> Call[Removed]:
        """Tell it nothing any more."""
        return self._owner()._send("DELETE", Removed, "webhooks", webhook)

    @ask
    def rotate_webhook(self, webhook: str, *, overlap_hours: float = 24.0) -> Call[NewWebhookInfo]:
        """Replace its secret; for some hours deliveries are signed with both."""
        body = {"overlap_hours": overlap_hours}
        return self._owner()._send("POST", NewWebhookInfo, "webhooks", webhook, "secret", json=body)

    @ask
    def replay_webhook(self, webhook: str, after: int) -> Call[WebhookInfo]:
        """Deliver everything behind a cursor again."""
        return self._owner()._send("POST", WebhookInfo, "webhooks", webhook, "replay", json={"after": after})

    @ask
    def ping_webhook(self, webhook: str) -> Call[DeliveryInfo]:
        """Try a webhook."""
        return self._owner()._send("POST", DeliveryInfo, "webhooks", webhook, "ping")

    @each
    def deliveries(self, webhook: str) -> Pages[DeliveryInfo]:
        """The last attempts to deliver, the newest first."""
        here = self._owner()
        return pages(
            lambda before: here._get(DeliveryPage, "webhooks", webhook, "deliveries", before=before, limit=PAGE),
            lambda page: page.deliveries,
            lambda page: page.next,
        )

    @ask
    def delivery_page(self, webhook: str, *, before: int | None = None, limit: int = 100) -> Call[DeliveryPage]:
        """One page of these."""
        return self._owner()._get(DeliveryPage, "webhooks", webhook, "deliveries", before=before, limit=limit)


class Webhooks(_AnyWebhooks):
    """Of one collection."""

    @ask
    def add_webhook(self, url: str, *, types: Sequence[str] = ()) -> Call[NewWebhookInfo]:
        """Have an address told of events; the secret in the answer is shown this once."""
        body = {"url": url, "types": list(types)}
        return self._owner()._send("POST", NewWebhookInfo, "webhooks", json=body)


class PrefixWebhooks(_AnyWebhooks):
    """Of many collections."""

    @ask
    def add_webhook(self, url: str, *, prefix: str, types: Sequence[str] = ()) -> Call[NewWebhookInfo]:
        """Have an address told of events of collections whose names begin so; the secret is shown this once."""
        body = {"url": url, "prefix": prefix, "types": list(types)}
        return self._send("POST", NewWebhookInfo, "webhooks", json=body)
