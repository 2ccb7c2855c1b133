from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from categoriser.errors import ConfigurationError, MissingWeightsError, NamingError
from categoriser.naming import Chain, Picture, Survey
from categoriser.naming.captions import Describer
from categoriser.naming.endpoint import ChatEndpoint
from categoriser.naming.llama import Llama, find_gguf
from categoriser.naming.llm import ANSWER_TOKENS, SCHEMA, TOKENS, EndpointModel, LanguageNames
from categoriser.naming.look import Looks
from categoriser.naming.prompts import read_prompt
from categoriser.naming.vision import EndpointCaptioner
from categoriser.settings import config_folder
from tests.naming.conftest import ChatServer, case, category, flat, pictures_of, said, shown

PROMPT = read_prompt(config_folder() / "prompts" / "name.txt")
GGUF = Path(__file__).parents[3] / "shared" / "models" / "stories260K-gguf" / "stories260K.gguf"
EXAMPLES = {"photos": "Beach sunsets; Cats & kittens"}


class Scripted:
    """Answers from a list and remembers what it was asked."""

    id = "scripted"

    def __init__(self, *answers: str, letters_per_token: float = 3.0) -> None:
        self.answers, self.prompts, self.letters = list(answers), [], letters_per_token

    def complete(self, prompt: str, schema: Mapping[str, Any]) -> str:
        self.prompts.append(prompt)
        return self.answers.pop(0)

    def tokens(self, prompt: str) -> int:
        return int(len(prompt) / self.letters)


def survey(captions: Sequence[str] = ("A dog on a sofa", "Two dogs sleep")) -> Survey:
    pictures = [shown(i, flat((i % 250, 40, 90)), text) for i, text in enumerate(captions)]
    others = [category(place, pictures_of(f"w{place}", 5), label=f"Neighbour {place}") for place in range(1, 12)]
    return Survey([category(0, pictures_of("dog", 9), pictures), *others])


def source(model: Any) -> LanguageNames:
    return LanguageNames(model, PROMPT, EXAMPLES, describer=Describer(None))


def test_the_model_is_shown_captions_neighbours_style_and_examples() -> None:
    model = Scripted('{"name": "sleeping dogs", "why": "they sleep"}')
    proposal = source(model).propose(case(survey(), 0))
    assert proposal is not None
    assert proposal.name == "sleeping dogs"
    assert proposal.evidence["why"] == "they sleep"
    assert proposal.prompt == PROMPT.version
    (prompt,) = model.prompts
    for part in ("A dog on a sofa", "Neighbour", "Beach sunsets", "English", "at most 3 words", '"&"'):
        assert part in prompt
    assert "$" not in prompt
    assert "refused" not in prompt  # nothing was, and the line is left out


def test_a_refused_name_is_asked_for_again_with_the_reason() -> None:
    model = Scripted('{"name": "Dogs", "why": ""}', '{"name": "Sleeping dogs", "why": ""}')
    found = Chain([source(model)]).name(case(survey(), 0, {"dogs": 3}))
    assert found is not None
    assert found.name == "Sleeping dogs"
    assert [one.name for one in found.refused] == ["Dogs"]
    assert "Dogs (another category has this name)" in model.prompts[1]


@pytest.mark.parametrize("letters", [4.0, 3.0, 2.0])
def test_the_prompt_fits_the_smallest_window_whatever_the_category(letters: float) -> None:
    model = Scripted('{"name": "Dogs", "why": ""}', letters_per_token=letters)
    source(model).propose(case(survey(["a very long sentence about dogs " * 40] * 500), 0))
    assert model.tokens(model.prompts[0]) <= TOKENS - ANSWER_TOKENS


@pytest.mark.parametrize("answer", ["", "I think: dogs", "{", '{"name": ""}', '{"name": 3}', "[]", '{"why": "x"}'])
def test_nonsense_is_a_fault_and_the_next_source_is_asked(answer: str) -> None:
    chain = Chain([source(Scripted(answer, answer, answer)), Looks()])
    found = chain.name(case(survey(), 0))
    assert found is not None
    assert found.proposal.provisional
    assert len(chain.problems) == 1
    assert chain.problems[0].count("\n") == 0


def test_prose_around_the_answer_is_passed_over() -> None:
    proposal = source(Scripted('Sure!\n```json\n{"name": "Dogs", "why": "x"}\n```')).propose(case(survey(), 0))
    assert proposal is not None
    assert proposal.name == "Dogs"


def test_without_anything_to_say_the_model_is_not_asked() -> None:
    model = Scripted()
    assert source(model).propose(case(survey([]), 0)) is None


# ---- endpoints -------------------------------------------------------------------------------------------------------


def endpoint(chat: ChatServer, seconds: float = 5.0, key: str | None = None) -> ChatEndpoint:
    return ChatEndpoint(chat.url, "some-model", key=key, seconds=seconds, first_wait=0.01)


def test_an_endpoint_is_asked_with_a_schema_and_a_key(chat: ChatServer) -> None:
    chat.says('{"name": "Dogs", "why": "x"}')
    asked = endpoint(chat, key="secret")
    proposal = source(EndpointModel(asked.ask, asked.model, asked.place)).propose(case(survey(), 0))
    assert proposal is not None
    assert proposal.name == "Dogs"
    (request,) = chat.requests
    assert request["response_format"]["type"] == "json_schema"
    assert request["temperature"] == 0
    assert chat.headers[0]["Authorization"] == "Bearer secret"


def test_an_endpoint_that_knows_no_schemas_is_asked_without(chat: ChatServer) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        known = "response_format" not in body
        return (200, {}, said('{"name": "Dogs", "why": ""}')) if known else (400, {}, b'{"error": "unknown field"}')

    chat.answer = answer
    asked = endpoint(chat)
    assert "Dogs" in asked.ask("x", schema={"type": "object"})
    assert "Dogs" in asked.ask("x", schema={"type": "object"})
    assert len(chat.requests) == 3  # it is not asked for a schema twice


def test_a_busy_endpoint_is_asked_again(chat: ChatServer) -> None:
    answers = [(429, {"retry-after": "0"}, b""), (503, {}, b""), (200, {}, said("yes"))]
    chat.answer = lambda _: answers.pop(0)
    assert endpoint(chat).ask("x") == "yes"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((500, {}, b"broken"), "cannot be had: it answers 500; tried 3 times"),
        ((401, {}, b"{}"), "the key is missing or wrong"),
        ((400, {}, b'{"error": {"message": "context too long"}}'), "context too long"),
        ((200, {}, b"<html>login</html>"), "no chat completion"),
        ((200, {}, b'{"choices": []}'), "no chat completion"),
        ((200, {}, said("  ")), "answers nothing"),
        ((200, {}, said(None)), "answers nothing"),
        ((200, {}, b"x" * 2_000_000), "more than 1,000,000 bytes"),
        ((302, {"location": "http://example.org"}, b""), "no chat completion"),
    ],
)
def test_every_fault_of_an_endpoint_is_one_sentence(
    chat: ChatServer, answer: tuple[int, dict[str, str], bytes], sentence: str
) -> None:
    chat.answer = lambda _: answer
    with pytest.raises(NamingError) as fault:
        endpoint(chat).ask("x")
    assert sentence in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_silent_endpoint_costs_its_time_limit_and_then_is_left_alone(chat: ChatServer) -> None:
    chat.delay = 1.0
    asked = endpoint(chat, seconds=0.1)
    chain = Chain([source(EndpointModel(asked.ask, asked.model, asked.place)), Looks()])
    taken: dict[str, int] = {}
    for _ in range(5):
        found = chain.name(case(survey(), 0, taken))
        assert found is not None
        taken[found.name.casefold()] = 0
    assert asked.requests == 2 * 3  # two faults, three tries each, then no more
    assert "no answer in time" in chain.problems[0]


def test_nobody_there_is_one_sentence() -> None:
    asked = ChatEndpoint("http://127.0.0.1:9/v1", "m", seconds=1, first_wait=0.01)
    with pytest.raises(NamingError, match=r"127\.0\.0\.1:9 cannot be had"):
        asked.ask("x")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no address"):
        ChatEndpoint("localhost:8080", "m")


def test_pictures_are_described_by_an_endpoint(chat: ChatServer) -> None:
    chat.says("A dog on a sofa.")
    captioner = EndpointCaptioner(endpoint(chat), read_prompt(config_folder() / "prompts" / "caption.txt"))
    pictures = [shown(1, flat((1, 2, 3))), shown(2, flat((4, 5, 6)))]
    texts = Describer(captioner).texts(category(0, pictures_of("dog", 3), pictures))
    assert texts == ["A dog on a sofa."] * 2
    parts = chat.requests[0]["messages"][0]["content"]
    assert parts[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert "some-model" in captioner.id


# ---- on this machine -------------------------------------------------------------------------------------------------


def test_a_missing_model_file_is_one_sentence(tmp_path: Path) -> None:
    for spec in (str(tmp_path / "none.gguf"), "none.gguf", "./none"):
        with pytest.raises(MissingWeightsError, match="no language model"):
            find_gguf(spec)
    with pytest.raises(MissingWeightsError, match="neither in the Hugging Face cache"):
        find_gguf("nobody/nothing/model.gguf", offline=True)


@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed")
@pytest.mark.skipif(not GGUF.is_file(), reason="the small GGUF of ../shared/models is not there")
def test_the_real_llama_writes_json_under_the_grammar_and_faces_the_same_tests() -> None:
    model = Llama(find_gguf(str(GGUF)))
    names = LanguageNames(model, PROMPT, EXAMPLES, describer=Describer(None))
    chain = Chain([names, Looks()])
    one = survey()
    answer = model.complete(names._fitting(case(one, 0), ["A dog"], []), SCHEMA)
    assert set(json.loads(answer, strict=False)) == {"name", "why"}  # the grammar admits line breaks in texts
    found = chain.name(case(one, 0))
    assert found is not None  # its words are noise: accepted or not, a name comes out


@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed")
def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF nothing")
    with pytest.raises(NamingError, match=r"broken\.gguf"):
        Llama(file).complete("x", {"type": "object"})


def test_a_defect_of_a_source_is_told_and_costs_nothing() -> None:
    class Defective:
        id = fingerprint = "defective"
        attempts = 3

        def propose(self, _: object) -> None:
            raise ZeroDivisionError("division by zero")

    chain = Chain([Defective(), Looks()])
    found = chain.name(case(Survey([category(0, pictures_of("x", 2), [Picture("a1")])]), 0))
    assert found is not None
    assert found.name == "Small group 1"
    assert "ZeroDivisionError" in chain.problems[0]
