"""The operations of the service by name and by address, and how the OpenAPI tells what they ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI

from categoriser.api.access.credentials import cookie_name
from categoriser.api.access.rights import Need, need_of

_ANSWERS: Final[Mapping[str, str]] = {
    "401": "No valid key or token was sent",
    "403": "The key or token may not do this",
    "429": "Too many requests; try again after Retry-After seconds",
}
_SCHEMES: Final[Mapping[str, Any]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key (cat_…) or a token made with one."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookie_name(secure=False),
        "description": f"Of a browser; over https its name is {cookie_name(secure=True)}.",
    },
}
_ERROR: Final = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``route``: its method and the template of its path."""

    name: str
    route: str
    path: re.Pattern[str]


class Operations:
    """All operations of an app, read from its OpenAPI when first asked."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._found: list[Operation] = []

    def by_name(self, name: str) -> Operation | None:
        """The operation of that name."""
        return next((one for one in self._all() if one.name == name), None)

    def by_address(self, method: str, path: str) -> Operation | None:
        """The operation that an address leads to."""
        return next(
            (one for one in self._all() if one.route.startswith(f"{method} ") and one.path.fullmatch(path)), None
        )

    def _all(self) -> list[Operation]:
        if not self._found:
            self._found = [
                Operation(operation["operationId"], f"{method.upper()} {path}", _pattern(path))
                for path, methods in self._app.openapi()["paths"].items()
                for method, operation in methods.items()
            ]
        return self._found


def describe_access(app: FastAPI) -> None:
    """Let the app's OpenAPI say what every operation asks for."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(described())
        return described()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(schema: dict[str, Any]) -> None:
    schema.setdefault("components", {})["securitySchemes"] = dict(_SCHEMES)
    for methods in schema["paths"].values():
        for operation in methods.values():
            need = need_of(operation["operationId"])
            operation["x-needs"] = str(need)
            if need in {Need.NOTHING, Need.ANYBODY}:
                operation["security"] = []
                continue
            operation["security"] = [{"key": []}, {"session": []}]
            for status, description in _ANSWERS.items():
                operation["responses"].setdefault(status, {"description": description, **_ERROR})


def _pattern(path: str) -> re.Pattern[str]:
    """Of a template: a parameter fills one segment, an image id any number of them."""
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile("".join(re.escape(part) if part[:1] != "{" else _filling(part) for part in parts), re.DOTALL)


def _filling(parameter: str) -> str:
    if parameter == "{collection}":
        return "(?P<collection>[^/]+)"
    return ".*" if parameter == "{image_id}" else "[^/]+"
