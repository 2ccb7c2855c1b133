"""The description of the interface has a summary and examples for every route, and they are true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from categoriser import Library
from categoriser.api import create_app
from categoriser.api.examples import operations, with_examples
from tests.api.record_examples import EXAMPLES, recorded


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with Library.open(tmp_path_factory.mktemp("library"), encoder="classic") as library:
        return create_app(library).openapi()


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON body and JSON answers of success, each with what it is."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        yield "request", body
    for code, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        if code.startswith("2") and content is not None:
            yield code, content


def fits(value: Any, schema: dict[str, Any], description: dict[str, Any]) -> bool:
    """Whether a value is what a schema wants."""
    return jsonschema_rs.is_valid({**schema, "components": description["components"]}, value)


def test_every_route_says_in_a_line_what_it_does(description: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(description)]
    assert len(names) == len(set(names)) > 50
    for operation in operations(description):
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"] or operation["operationId"] == "healthz"


def test_every_body_and_every_answer_has_an_example_that_fits(description: dict[str, Any]) -> None:
    for operation in operations(description):
        for what, content in contents(operation):
            examples = [content["example"]] if "example" in content else []
            examples += [one["value"] for one in content.get("examples", {}).values()]
            assert examples, (operation["operationId"], what)
            for example in examples:
                assert fits(example, content["schema"], description), (operation["operationId"], what, example)


def test_what_a_real_service_answers_is_what_the_description_promises(tmp_path: Path) -> None:
    found, described = recorded(tmp_path / "library")
    stored = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    assert set(found) <= {operation["operationId"] for operation in operations(described)}
    assert set(found) == set(stored), "record them again: python -m tests.api.record_examples"
    for operation in operations(described):
        answers = found.get(operation["operationId"], {"responses": {}})
        for what, content in contents(operation):
            seen = [answers["request"]] if what == "request" and "request" in answers else []
            seen += [answers["responses"][what]] if what in answers["responses"] else []
            assert all(fits(one, content["schema"], described) for one in seen), (operation["operationId"], what, seen)


def test_a_route_that_nobody_recorded_has_an_example_all_the_same() -> None:
    thing = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "examples": ["cat"]},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
            "size": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
        },
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    described = with_examples(
        {
            "paths": {"/x": {"get": {"operationId": "nobody recorded", "responses": {"200": {"content": content}}}}},
            "components": {"schemas": {"Thing": thing}},
        }
    )
    example = described["paths"]["/x"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert (example["name"], example["size"]) == ("cat", 3)
    assert fits(example, thing, described)
