"""The client has a call for every route of the service, and each asks as the description of the interface says."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import unquote

import jsonschema_rs
import pytest

from categoriser.api.description import describe
from categoriser.client.areas import CollectionCalls, ServiceCalls
from categoriser.client.description import Call, Pages
from categoriser.client.place import Asked, Listed
from categoriser.errors import ConfigurationError

NOT_IN_THE_CLIENT: Final = {
    "create_session": "a cookie for browsers; programs send their key or token with every call",
    "end_session": "a cookie for browsers",
    "follow_events": "a stream and no answer: follow(), tested in test_client.py",
}
# operation → one or more ways to ask for it: attribute, then its arguments
CALLS: Final[dict[str, list[tuple[Any, ...]]]] = {
    # the service
    "healthz": [("health",)],
    "readyz": [("ready",)],
    "metrics": [("metrics",)],
    "list_audit": [("audit", {"who": "k", "collection": "a", "denied": True})],
    "get_backup": [("backup",)],
    "begin_backup": [("begin_backup", "nightly")],
    "list_collections": [("collections",)],
    "list_schedules": [("schedules",)],
    "list_keys": [("keys",)],
    "get_key": [("key", "k")],
    "create_key": [("create_key", ["read:anna"], {"label": "x", "seconds": 60, "per_second": 3})],
    "rotate_key": [("rotate_key", "k", {"grace_seconds": 5})],
    "revoke_key": [("revoke_key", "k")],
    "get_session": [("session",)],
    "create_token": [("create_token", "anna", "write", {"seconds": 60})],
    "renew_token_secret": [("rotate_tokens", {"grace_seconds": 0})],
    "list_prefix_webhooks": [("webhooks",)],
    "add_prefix_webhook": [("add_webhook", "https://example.org", {"prefix": "shop/", "types": ["merge"]})],
    "get_prefix_webhook": [("webhook", "w")],
    "change_prefix_webhook": [("change_webhook", "w", {"enabled": False})],
    "remove_prefix_webhook": [("remove_webhook", "w")],
    "rotate_prefix_secret": [("rotate_webhook", "w", {"overlap_hours": 1})],
    "replay_prefix_events": [("replay_webhook", "w", 3)],
    "ping_prefix_webhook": [("ping_webhook", "w")],
    "list_prefix_deliveries": [("deliveries", "w"), ("delivery_page", "w", {"before": 9, "limit": 5})],
    # a collection
    "get_collection": [("info",)],
    "delete_collection": [("delete_collection",)],
    "erase_collection": [("erase",), ("erase", {"confirm": "a/b c"})],
    "edit_collection": [("set_granularity", "fine", {"if_match": 3})],
    "upload_images": [
        ("upload", [("a.png", b"x")], {"ids": ["a"], "metadata": [{"b": 1}]}),
        ("upload_urls", ["https://example.org/a.png"], {"ids": ["a"]}),
        ("hand_in", [("a.png", b"x")]),
        ("hand_in_urls", ["https://example.org/a.png"], {"metadata": [{"b": 1}]}),
    ],
    "list_uploads": [("uploads",)],
    "get_upload": [("upload_state", "u")],
    "take_object_events": [("object_events", {"Records": []})],
    "list_images": [("images", {"category": "c"}), ("image_page", {"after": "a", "limit": 3})],
    "get_image": [("image", "a/b")],
    "delete_image": [("delete", "a/b")],
    "get_tags": [("tags", "a/b")],
    "get_thumbnail": [("thumbnail", "a/b")],
    "get_original": [("original", "a/b")],
    "why": [("why", "a/b")],
    "list_members": [("members", "c", {"order": "newest"})],
    "get_map": [("map_page", {"after": 3, "limit": 5})],
    "list_categories": [("categories", {"group": "g"}), ("category_page", {"offset": 3})],
    "get_category": [("category", "c")],
    "get_mosaic": [("mosaic", "c"), ("mosaic", "c", {"width": 336})],
    "list_mosaics": [("mosaics", ["c", "d"], {"width": 336})],
    "similar_categories": [("similar_categories", "c", {"min_score": 0.5})],
    "list_groups": [("groups",)],
    "get_group": [("group", "g")],
    "name_categories": [("name_categories",)],
    "why_name": [("why_name", "c")],
    "get_dial": [("preview_dial",)],
    "move": [("move", ["a"], "c", {"label": "x", "if_match": 3})],
    "reject": [("reject", ["a"], {"if_match": 3})],
    "merge": [("merge", "c", ["d"], {"if_match": 3})],
    "split": [("split", "c", ["a"], {"label": "x", "if_match": 3}), ("split", "c")],
    "halves": [("split_preview", "c")],
    "edit_category": [("rename", "c", None), ("lock", "c", {"if_match": 3}), ("hide", "c", False)],
    "keep_apart": [("never_merge", "c", "d", {"if_match": 3})],
    "undo": [("undo", 3)],
    "undo_last": [("undo_last",)],
    "undo_event": [("undo_event", 3)],
    "get_plan": [("plan",)],
    "run_now": [("run",), ("apply", 3, ["split.4.11"])],
    "list_versions": [("versions",), ("version_page", {"before": 3})],
    "as_of": [("as_of", 3)],
    "list_suggestions": [("suggestions",), ("suggestion_page", {"after": 3})],
    "accept": [("accept", 3, {"if_match": 3})],
    "dismiss": [("dismiss", 3)],
    "get_schedule": [("schedule",)],
    "set_schedule": [("set_schedule", "every 6h")],
    "search_images": [
        ("search", {"text": "x", "image": b"x", "vector": [1.0], "filter": {"tags": ["dog"]}, "diversity": 0.5}),
        ("search_page", {"positives": [{"image_id": "a"}], "group_by": "category"}),
        ("search_all", {"image_id": "a"}),
    ],
    "count_images": [("facets", ["month"], {"filter": {"min_width": 5}})],
    "list_duplicates": [("duplicates",), ("duplicate_page", {"min_score": 0.9, "after": 3})],
    "list_events": [("events", {"types": ["merge"]}), ("event_page", {"after": 3})],
    "list_failed": [("failed",), ("failed_page", {"after": 3})],
    "retry_failed": [("retry_failed", [3]), ("retry_failed",)],
    "discard_failed": [("discard_failed", {"preview": True})],
    "export_images": [("export", "zip", {"category": "c", "added_from": 1.0, "tags": True, "nested": True})],
    "export_everything": [("export", "everything")],
    "list_views": [("views",)],
    "create_view": [("create_view", "v", {"criterion": "x", "texts": {"a": "b"}, "terms": ["x"], "categories": 3})],
    "ask_terms": [("candidate_terms", "place"), ("preview_terms", "place")],
    "add_texts": [("add_texts", "v", {"a": "b"}, {})],
    "get_attributes": [("attributes", "a")],
    "estimate_view": [("estimate_view", {"criterion": "place", "terms": ["x"], "from_metadata": "y"})],
    "describe_view": [("describe_view", "v", {"pictures": 3, "after": 2})],
    "delete_images": [("delete_images", ["a"])],
    "get_drift": [("drift",)],
    "get_naming": [("naming",)],
    "get_vocabulary": [("vocabulary",)],
    "set_vocabulary": [("set_vocabulary", "wine: merlot", {"replaces": True})],
    "list_words": [("vocabulary_words", {"find": "x", "used": True, "own": True})],
    "delete_view": [("delete_view", "v")],
    "list_webhooks": [("webhooks",)],
    "add_webhook": [("add_webhook", "https://example.org", {"types": ["merge"]})],
    "get_webhook": [("webhook", "w")],
    "change_webhook": [("change_webhook", "w", {"url": "https://example.org", "types": []})],
    "remove_webhook": [("remove_webhook", "w")],
    "rotate_secret": [("rotate_webhook", "w")],
    "replay_events": [("replay_webhook", "w", 3)],
    "ping_webhook": [("ping_webhook", "w")],
    "list_deliveries": [("deliveries", "w"), ("delivery_page", "w")],
}
# positional dictionaries that are no keyword arguments
_OF_THE_COLLECTION: Final = {"uploads", "upload_state"}  # a view has none
_WHOLE: Final = {"search_page", "search_all", "object_events"}


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("interface") / "openapi.json"
    describe(target)
    return json.loads(target.read_text("utf-8"))  # type: ignore[no-any-return]


def operations(interface: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        told["operationId"]: (method.upper(), path, told)
        for path, methods in interface["paths"].items()
        for method, told in methods.items()
    }


def described(path: str, attribute: str, *arguments: Any) -> Call[Any]:
    """What a call requests; of a view, if views have it."""
    keywords: dict[str, Any] = {}
    if arguments and isinstance(arguments[-1], dict) and attribute not in _WHOLE:
        *arguments, keywords = arguments  # type: ignore[assignment]
    if "{collection}" not in path:
        call = getattr(ServiceCalls, attribute).describe(ServiceCalls(), *arguments, **keywords)
    else:
        describe = getattr(CollectionCalls, attribute).describe
        try:
            call = describe(CollectionCalls("a/b c", "v"), *arguments, **keywords)
        except ConfigurationError:
            call = describe(CollectionCalls("a/b c"), *arguments, **keywords)
    return call.at(None) if isinstance(call, Pages) else call  # type: ignore[no-any-return]


def test_every_route_has_a_call_or_a_reason_to_have_none(interface: dict[str, Any]) -> None:
    told = set(CALLS) | set(NOT_IN_THE_CLIENT)
    routes = set(operations(interface))
    assert routes - told == set(), "say in this table which call of the client covers these"
    assert told - routes == set()
    assert not set(CALLS) & set(NOT_IN_THE_CLIENT)


def test_every_call_is_for_a_route() -> None:
    covered = {way[0] for ways in CALLS.values() for way in ways}
    calls = {
        name
        for area in (*ServiceCalls.__mro__, *CollectionCalls.__mro__)
        for name, value in vars(area).items()
        if isinstance(value, Asked | Listed)
    }
    assert calls == covered


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_asks_as_the_interface_is_described(interface: dict[str, Any], operation: str) -> None:
    method, path, told = operations(interface)[operation]
    for way in CALLS[operation]:
        call = described(path, *way)
        template = re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(path))
        found = re.fullmatch(template, call.path)
        assert call.method == method
        assert found, f"{call.path} is not {path}"
        if "{collection}" in path:
            assert unquote(found[1]) == "a/b c"
        parameters = {one["name"]: one for one in told.get("parameters", ())}
        sent = call.arguments()
        assert set(sent["params"]) <= set(parameters), f"{operation} takes no such query"
        assert set(sent["headers"]) <= set(parameters)
        if "view" in parameters and way[0] not in _OF_THE_COLLECTION:
            assert sent["params"]["view"] == "v"
        body = told.get("requestBody", {}).get("content", {})
        assert ("files" in sent) <= ("multipart/form-data" in body)
        if "json" in sent:
            schema = {**body["application/json"]["schema"], "components": interface["components"]}
            jsonschema_rs.validate(schema, sent["json"])
