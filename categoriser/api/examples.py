"""Examples in the description of the interface: recorded from a real service, or made of the schema for the rest.

``examples.json`` beside this file is written by ``python -m tests.api.record_examples``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

_JSON: Final = "application/json"
_DEEP: Final = 8  # levels of a schema that are followed

Json = dict[str, Any]


def describe_by_examples(app: FastAPI) -> None:
    """Give every JSON body and every JSON answer of the app's description an example."""
    make = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = with_examples(make())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI wants it to be extended


def with_examples(description: Json) -> Json:
    """The description with examples; those that it has already stay."""
    for operation in operations(description):
        recorded = _recorded().get(operation["operationId"], {})
        body = operation.get("requestBody", {}).get("content", {}).get(_JSON)
        if body is not None and not _has_example(body):
            body["example"] = recorded["request"] if "request" in recorded else sample(body["schema"], description)
        for code, answer in operation["responses"].items():
            content = answer.get("content", {}).get(_JSON)
            if content is not None and not _has_example(content):
                known = recorded.get("responses", {})
                content["example"] = known[code] if code in known else sample(content.get("schema", {}), description)
    return description


def operations(description: Mapping[str, Any]) -> Iterator[Json]:
    """Every operation of a description."""
    for path in description["paths"].values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))


def sample(schema: Mapping[str, Any], description: Mapping[str, Any], depth: int = 0) -> Any:
    """Something that fits a schema, from its examples and defaults where there are any."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return sample(description["components"]["schemas"][name], description, depth)
    told = [schema[name][0] for name in ("examples", "enum") if schema.get(name)]
    told += [schema[name] for name in ("const", "default") if name in schema]
    if told:
        return told[0]
    parts = [schema[name][0] for name in ("anyOf", "oneOf", "allOf") if name in schema]
    return sample(parts[0], description, depth) if parts else _made(schema, description, depth)


def _made(schema: Mapping[str, Any], description: Mapping[str, Any], depth: int) -> Any:
    kind, deep = schema.get("type"), depth >= _DEEP
    if kind == "object" or "properties" in schema:
        wanted = {} if deep else schema.get("properties", {})
        return {name: sample(one, description, depth + 1) for name, one in wanted.items()}
    if kind == "array":
        return [] if deep or "items" not in schema else [sample(schema["items"], description, depth + 1)]
    number = schema.get("minimum", 1)
    return {"string": "text", "integer": number, "number": number, "boolean": True}.get(str(kind))


def _has_example(content: Mapping[str, Any]) -> bool:
    return "example" in content or "examples" in content


@cache
def _recorded() -> Json:
    path = Path(__file__).with_name("examples.json")
    found: Json = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
