"""Routers of files put together as plain routes.

FastAPI keeps an included router as a router of its own and asks each whether it knows an address, twice: with some
twenty of them that took half of the time of a short request. Plain routes are looked through once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute

_KEPT: Final = (  # arguments of a route that it keeps under their names, but for those that are put together below
    *("response_model", "status_code", "tags", "dependencies", "summary", "description", "response_description"),
    *("deprecated", "methods", "operation_id", "include_in_schema", "response_class", "name", "callbacks"),
    *("response_model_include", "response_model_exclude", "response_model_by_alias", "response_model_exclude_unset"),
    *("response_model_exclude_defaults", "response_model_exclude_none", "openapi_extra", "strict_content_type"),
)


def add_routes(
    whole: APIRouter,
    router: APIRouter,
    *,
    prefix: str = "",
    responses: Mapping[int | str, dict[str, Any]] | None = None,
) -> None:
    """Add the routes of a router, which are looked for in the order in which they came.

    Args:
        whole: gets them.
        router: holds routes of operations and nothing else.
        prefix: goes before their paths.
        responses: what they may answer besides what they say themselves.
    """
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route!r} is no operation, and only these can be added")
        kept = {name: getattr(route, name) for name in _KEPT}
        whole.add_api_route(
            prefix + route.path, route.endpoint, **{**kept, "responses": {**(responses or {}), **route.responses}}
        )
