"""What every operation asks for, in one table. One that is missing here is for admins only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Need(StrEnum):
    """What somebody must be allowed to do."""

    NOTHING = "nothing"  # answered to everybody; says nothing about anybody's images
    ANYBODY = "anybody"  # answered to everybody, and knows who asks
    KEY = "key"  # any valid key or token; shows and does no more than that may
    READ = "read"  # on the collection in the path
    WRITE = "write"  # on the collection in the path
    ADMIN = "admin"


_OPERATIONS: Final[Mapping[Need, tuple[str, ...]]] = {
    Need.NOTHING: (
        *("healthz", "readyz"),
        *("page_index", "page_asset", "page_icon"),  # the page has no picture in it: it asks for them with a session
        *("custom_swagger_ui_html", "swagger_ui_redirect", "redoc_html"),  # what the interface looks like is no secret
    ),
    Need.ANYBODY: ("get_session", "end_session"),
    Need.KEY: ("list_collections", "list_schedules", "create_session", "create_token"),
    Need.READ: (
        *("get_collection", "list_categories", "get_category", "list_groups", "get_group"),
        *("list_images", "get_image", "get_thumbnail", "get_original", "get_tags", "why"),
        *(
            "search_images",
            "count_images",
            "list_duplicates",
            "similar_categories",
            "list_events",
            "list_failed",
            "list_uploads",
            "get_upload",
        ),
        *("follow_events", "export_images", "export_everything", "list_webhooks", "get_webhook", "list_deliveries"),
        *("get_plan", "halves", "list_versions", "as_of", "why_name", "list_suggestions", "get_schedule"),
        *("get_naming", "get_vocabulary", "list_words"),
        *("list_views", "get_attributes", "list_members", "get_map", "get_dial", "get_drift"),
        *("get_mosaic", "list_mosaics"),
    ),
    Need.WRITE: (
        *("upload_images", "take_object_events", "retry_failed", "discard_failed"),
        *("delete_image", "delete_images", "delete_collection", "erase_collection"),
        *("move", "reject", "merge", "split", "edit_category", "keep_apart", "edit_collection", "name_categories"),
        *("undo", "undo_last", "undo_event", "accept", "dismiss", "run_now", "set_schedule"),
        *("create_view", "add_texts", "ask_terms", "estimate_view", "describe_view", "delete_view", "set_vocabulary"),
        *("add_webhook", "change_webhook", "remove_webhook", "rotate_secret", "replay_events", "ping_webhook"),
    ),
    Need.ADMIN: (
        *("list_keys", "create_key", "get_key", "rotate_key", "revoke_key", "renew_token_secret", "list_audit"),
        *("add_prefix_webhook", "list_prefix_webhooks", "get_prefix_webhook", "change_prefix_webhook"),
        *("remove_prefix_webhook", "rotate_prefix_secret", "replay_prefix_events", "ping_prefix_webhook"),
        *("list_prefix_deliveries", "metrics", "begin_backup", "get_backup"),
    ),
}
NEEDS: Final[Mapping[str, Need]] = {name: need for need, names in _OPERATIONS.items() for name in names}
READS_ONLY: Final = frozenset({Need.NOTHING, Need.ANYBODY, Need.READ})  # whatever the method: not in the trail


def need_of(operation: str) -> Need:
    """What an operation asks for."""
    return NEEDS.get(operation, Need.ADMIN)
