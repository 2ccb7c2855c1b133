"""Schemathesis sends what the OpenAPI allows and forbids to every operation, with keys on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation import GenerationMode

from categoriser import Library
from tests.api.conftest import serving
from tests.whole import check, picture

ENDLESS = {"follow_events"}  # its answer goes on for ever; it has tests of its own
LENIENT = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """A service with a collection called anna, and an admin's key."""
    with Library.open(tmp_path_factory.mktemp("library"), encoder="classic", fetch_seconds=1.0) as library:
        anna = library.collection("anna")
        for number in range(8):
            anna.add(picture(number))
        anna.run()
        key = library.access.create(["admin"]).key
        with serving(library) as client:
            yield client, key
        if library.find("anna") is not None:  # some request may have deleted it
            check(library.collection("anna"), tmp_path_factory.mktemp("check"))


def ask_everything(service: tuple[httpx.Client, str], examples: int) -> None:
    """Send so many requests to every operation, half of them such as it does not allow, mostly about anna."""
    client, key = service
    problems: dict[str, str] = {}
    described = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] in ENDLESS:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not (operation.body or list(operation.iter_parameters())):
                continue  # there is nothing that could be wrong

            @seed(1)
            @settings(
                max_examples=examples,
                deadline=None,
                suppress_health_check=LENIENT,
                phases=[Phase.generate],
                database=None,
            )
            @given(operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                if len(str(case.path_parameters.get("collection", ""))) % 4:
                    case.path_parameters["collection"] = "anna"
                headers = {"Authorization": f"Bearer {key}"}
                answer = case.call(base_url=str(client.base_url), headers=headers, timeout=60)
                look_at(
                    answer.status_code, answer, f"{case.method} {case.formatted_path} {case.query} {case.body!r:.300}"
                )

            try:
                ask()
            except AssertionError as error:
                problems[f"{operation.label}, {mode.value}"] = str(error)
    assert not problems, "\n\n".join(f"{where}: {what}" for where, what in problems.items())


def look_at(status: int, answer: Any, asked: str) -> None:
    """No defect, and every error has a code and one sentence."""
    said = f"{asked} → {status} {answer.content[:300]!r}"
    assert status < 500 or status == 502, said  # 502: an address that cannot be fetched
    assert status not in {401, 403}, said
    if status >= 400:
        body = answer.json()
        assert set(body) == {"error"}, said
        assert set(body["error"]) == {"code", "message"}, said
        assert body["error"]["message"].endswith((".", "…")), said
        assert "\n" not in body["error"]["message"], said


def test_what_is_repeated_of_a_request_stays_on_one_line(service: tuple[httpx.Client, str]) -> None:
    client, key = service
    strange = {"S]\nv\x18\x1b[31m" + 200 * "long": 1}
    answer = client.patch("/v1/webhooks/1", json=strange, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 422
    look_at(answer.status_code, answer, "a field of a strange name")
    message = answer.json()["error"]["message"]
    assert message.startswith("S] v [31mlonglong")
    assert message.isprintable()
    assert len(message) < 200


def test_no_request_is_answered_with_a_defect(service: tuple[httpx.Client, str]) -> None:
    ask_everything(service, 2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_requests_are_answered_without_a_defect(service: tuple[httpx.Client, str]) -> None:
    ask_everything(service, 100)
