"""What models were asked to name a collection is counted and told; without models it says that nothing was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from categoriser import Library
from tests.api.conftest import serving
from tests.naming.conftest import ChatServer, said
from tests.whole import picture, pictures

CAPTION = "a photograph of a red kite over a green field"


def naming(chat: ChatServer, **more: Any) -> dict[str, Any]:
    return {"captions": chat.url, "caption_model": "eyes", "llm": chat.url, "llm_model": "words", **more}


def answers(chat: ChatServer) -> None:
    """Captions to pictures, a name to prompts."""

    names = iter(f'{{"name": "Kites {i}", "why": "it flies"}}' for i in range(1000))

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        seen = isinstance(body["messages"][0]["content"], list)
        return 200, {}, said(CAPTION if seen else next(names))

    chat.answer = answer


def test_what_was_asked_is_counted_by_model_and_the_next_time_costs_less(tmp_path: Path, chat: ChatServer) -> None:
    answers(chat)
    with Library.open(
        tmp_path / "library", "classic", automatic_runs=False, naming=naming(chat, automatic=False)
    ) as library:
        photos = library.collection("photos")
        photos.add(pictures(tmp_path / "pictures", 30))
        photos.run()
        before = photos.naming_state()
        assert (before.free, before.spent) == (False, [])
        assert before.next.categories == len(photos.categories()) > 0
        assert before.next.questions == 2 * before.next.categories
        assert before.next.pictures > 0
        assert before.next.each_new_pictures == 8
        photos.name_categories()
        after = photos.naming_state()
        asked = [one for one in chat.requests if isinstance(one["messages"][0]["content"], str)]
        spent = {one.part: one for one in after.spent}
        assert spent["llm"].calls == len(asked) > 0
        assert spent["captions"].calls == len(chat.requests) - len(asked)
        assert spent["llm"].tokens > 0
        assert spent["llm"].model.startswith("words@127.0.0.1")
        assert after.next.questions == 0
        assert library.collection("other").naming_state().spent == []
        photos.name_categories()
        assert photos.naming_state().spent == after.spent


def test_without_models_nothing_is_asked_and_that_is_said(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", "classic", automatic_runs=False) as library, serving(library) as client:
        library.collection("photos").add([picture(i) for i in range(3)])
        state = client.get("/v1/collections/photos/naming").json()
        assert (state["free"], state["spent"], state["next"]["questions"]) == (True, [], 0)
        assert [one["source"] for one in state["sources"]] == ["llm", "vocabulary", "captions", "look"]
        assert "reads no text" in state["sources"][1]["problem"]
