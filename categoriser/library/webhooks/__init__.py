"""Webhooks after the Standard Webhooks specification (https://www.standardwebhooks.com)."""

from categoriser.library.webhooks.registry import Delivery, NewWebhook, Webhook, Webhooks
from categoriser.library.webhooks.sender import Sender

__all__ = ["Delivery", "NewWebhook", "Sender", "Webhook", "Webhooks"]
