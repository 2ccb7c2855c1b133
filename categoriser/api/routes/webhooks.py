"""Who is told of events: the same routes below a collection and, for many collections at once, below /v1."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from categoriser.api.models.webhooks import (
    DeliveryInfo,
    DeliveryPage,
    NewWebhookInfo,
    PrefixWebhookRequest,
    Removed,
    Replay,
    Rotation,
    WebhookEdit,
    WebhookInfo,
    WebhookPage,
    WebhookRequest,
)
from categoriser.api.needs import PageLength, TheLibrary
from categoriser.api.paths import CollectionName
from categoriser.domain import LARGEST_NUMBER
from categoriser.library.webhooks import Delivery, NewWebhook, Webhook, Webhooks

router = APIRouter(prefix="/{collection}/webhooks", tags=["webhooks"])
prefixes = APIRouter(prefix="/webhooks", tags=["webhooks"])


def _of_collection(library: TheLibrary, collection: CollectionName) -> Webhooks:
    return library.collection(collection, create=False).webhooks


def _of_prefixes(library: TheLibrary) -> Webhooks:
    return library.prefix_webhooks


Own = Annotated[Webhooks, Depends(_of_collection)]
Prefixed = Annotated[Webhooks, Depends(_of_prefixes)]
WebhookId = Annotated[str, Path(alias="webhook", max_length=64, description="id of the webhook")]
After = Annotated[str, Query(max_length=64, description="id of the webhook before the page")]
Before = Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER, description="id of the attempt before the page")]


@router.post("", summary="Have an address told of events", status_code=201)
def add_webhook(webhooks: Own, wanted: WebhookRequest) -> NewWebhookInfo:
    """From now on, in order, at least once. The secret in the answer is shown this once; check signatures with it."""
    return _new(webhooks.add(wanted.url, types=wanted.types))


@prefixes.post("", summary="Have an address told of the events of many collections", status_code=201)
def add_prefix_webhook(webhooks: Prefixed, wanted: PrefixWebhookRequest) -> NewWebhookInfo:
    """Of those whose names begin alike, the ones made later as well."""
    return _new(webhooks.add(wanted.url, types=wanted.types, prefix=wanted.prefix))


@router.get("", summary="List webhooks")
def list_webhooks(webhooks: Own, after: After = "", limit: PageLength = 100) -> WebhookPage:
    """By id, without secrets."""
    return _page(webhooks.list(after=after, limit=limit), limit)


@prefixes.get("", summary="List webhooks of many collections")
def list_prefix_webhooks(webhooks: Prefixed, after: After = "", limit: PageLength = 100) -> WebhookPage:
    """By id, without secrets."""
    return _page(webhooks.list(after=after, limit=limit), limit)


@router.get("/{webhook}", summary="Look at a webhook")
def get_webhook(webhooks: Own, webhook: WebhookId) -> WebhookInfo:
    """With what went wrong last."""
    return _shown(webhooks.get(webhook))


@prefixes.get("/{webhook}", summary="Look at a webhook of many collections")
def get_prefix_webhook(webhooks: Prefixed, webhook: WebhookId) -> WebhookInfo:
    """With what went wrong last."""
    return _shown(webhooks.get(webhook))


@router.patch("/{webhook}", summary="Change, enable or disable a webhook")
def change_webhook(webhooks: Own, webhook: WebhookId, edit: WebhookEdit) -> WebhookInfo:
    """Enabled again, it is told of everything since it was told last."""
    return _shown(webhooks.change(webhook, **edit.model_dump()))


@prefixes.patch("/{webhook}", summary="Change, enable or disable a webhook of many collections")
def change_prefix_webhook(webhooks: Prefixed, webhook: WebhookId, edit: WebhookEdit) -> WebhookInfo:
    """Enabled again, it is told of everything since it was told last."""
    return _shown(webhooks.change(webhook, **edit.model_dump()))


@router.delete("/{webhook}", summary="Remove a webhook")
def remove_webhook(webhooks: Own, webhook: WebhookId) -> Removed:
    """With its log."""
    webhooks.remove(webhook)
    return Removed(removed=webhook)


@prefixes.delete("/{webhook}", summary="Remove a webhook of many collections")
def remove_prefix_webhook(webhooks: Prefixed, webhook: WebhookId) -> Removed:
    """With its log."""
    webhooks.remove(webhook)
    return Removed(removed=webhook)


@router.post("/{webhook}/secret", summary="Replace the secret of a webhook")
def rotate_secret(webhooks: Own, webhook: WebhookId, wanted: Rotation) -> NewWebhookInfo:
    """The new one is shown this once. Until the overlap is over, deliveries are signed with both."""
    return _new(webhooks.rotate(webhook, overlap_hours=wanted.overlap_hours))


@prefixes.post("/{webhook}/secret", summary="Replace the secret of a webhook of many collections")
def rotate_prefix_secret(webhooks: Prefixed, webhook: WebhookId, wanted: Rotation) -> NewWebhookInfo:
    """The new one is shown this once. Until the overlap is over, deliveries are signed with both."""
    return _new(webhooks.rotate(webhook, overlap_hours=wanted.overlap_hours))


@router.post("/{webhook}/replay", summary="Deliver events again")
def replay_events(webhooks: Own, webhook: WebhookId, wanted: Replay) -> WebhookInfo:
    """Everything behind a cursor, in order and with the message ids that it had."""
    return _shown(webhooks.replay(webhook, wanted.after))


@prefixes.post("/{webhook}/replay", summary="Deliver events of many collections again")
def replay_prefix_events(webhooks: Prefixed, webhook: WebhookId, wanted: Replay) -> WebhookInfo:
    """Everything behind a cursor of each collection, in order and with the message ids that it had."""
    return _shown(webhooks.replay(webhook, wanted.after))


@router.post("/{webhook}/ping", summary="Try a webhook")
def ping_webhook(webhooks: Own, webhook: WebhookId) -> DeliveryInfo:
    """Sends a message of the type ping and answers with what came of it."""
    return _delivery(webhooks.ping(webhook))


@prefixes.post("/{webhook}/ping", summary="Try a webhook of many collections")
def ping_prefix_webhook(webhooks: Prefixed, webhook: WebhookId) -> DeliveryInfo:
    """Sends a message of the type ping and answers with what came of it."""
    return _delivery(webhooks.ping(webhook))


@router.get("/{webhook}/deliveries", summary="List the last attempts to deliver")
def list_deliveries(webhooks: Own, webhook: WebhookId, before: Before = None, limit: PageLength = 100) -> DeliveryPage:
    """The newest first; the last thousand are kept."""
    return _log(webhooks.deliveries(webhook, before=before, limit=limit), limit)


@prefixes.get("/{webhook}/deliveries", summary="List the last attempts to deliver events of many collections")
def list_prefix_deliveries(
    webhooks: Prefixed, webhook: WebhookId, before: Before = None, limit: PageLength = 100
) -> DeliveryPage:
    """The newest first; the last thousand are kept."""
    return _log(webhooks.deliveries(webhook, before=before, limit=limit), limit)


def _shown(webhook: Webhook) -> WebhookInfo:
    return WebhookInfo(**dataclasses.asdict(webhook))


def _new(made: NewWebhook) -> NewWebhookInfo:
    return NewWebhookInfo(**dataclasses.asdict(made.webhook), secret=made.secret)


def _delivery(delivery: Delivery) -> DeliveryInfo:
    return DeliveryInfo(**dataclasses.asdict(delivery))


def _page(webhooks: Sequence[Webhook], limit: int) -> WebhookPage:
    following = webhooks[-1].id if len(webhooks) == limit else None
    return WebhookPage(webhooks=[_shown(one) for one in webhooks], next=following)


def _log(deliveries: Sequence[Delivery], limit: int) -> DeliveryPage:
    following = deliveries[-1].id if len(deliveries) == limit else None
    return DeliveryPage(deliveries=[_delivery(one) for one in deliveries], next=following)
