"""The report as a page."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from categoriser.errors import ConfigurationError, MissingExtraError
from categoriser.evaluation import PeerScore, Plan, Subject, Table, evaluate_subject, write_page
from categoriser.intake import from_folder
from tests.evaluation.test_replay import subject
from tests.whole import pictures


class _Page(HTMLParser):
    """Everything that could make a browser ask somebody."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.places += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "srcset", "data"}]


def read(path: Path) -> tuple[str, _Page]:
    text, page = path.read_text(), _Page()
    page.feed(text)
    return text, page


def test_it_asks_the_network_for_nothing_and_shows_plots_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = pictures(tmp_path / "p" / "<b>one", 30).parent
    items = from_folder(folder).items
    made = Subject("p", [Path(item.name).parts[0] for item in items], items=items)
    result = evaluate_subject(made, Plan(encoder="classic", orders=1))
    write_page(tmp_path / "deep" / "r.html", [result], title="<i>A report</i>")
    text, page = read(tmp_path / "deep" / "r.html")
    assert all(place.startswith(("data:image/", "#")) for place in page.places)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text)
    assert page.tags.count("svg") >= 6
    assert page.tags.count("img") >= 1
    assert "script" not in page.tags
    assert not {"b", "i"} & set(page.tags)
    assert "prefers-color-scheme: dark" in text
    assert not re.search("#0[1-5]0[1-5]0[1-5]", text)  # every colour is the page's own


def test_several_sets_with_bars_and_other_methods_fit_one_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from dataclasses import replace

    peers = [PeerScore("k-means", 0.5, 0.5, 0.99, 4, 0.0, 1.0), PeerScore("other", skipped="it is not installed")]
    one = replace(evaluate_subject(subject(120), Plan(orders=2)), peers=peers)
    bare = evaluate_subject(Subject("bare", vectors=subject(60).vectors), Plan(orders=1))
    table = Table("Bars", ("set", "ARI#"), [["one", ("0.5", "miss")]])
    write_page(tmp_path / "r.html", [one, bare], title="Two", tables=[table])
    text, page = read(tmp_path / "r.html")
    assert page.tags.count("details") == 2
    assert "skipped: it is not installed" in text
    assert "No classes are known" in text


def test_a_missing_extra_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = evaluate_subject(subject(60), Plan(orders=1))
    real: Callable[..., object] = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"\.\[evaluate\]"):
        write_page(tmp_path / "r.html", [result], title="")


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_page(tmp_path / "file" / "r.html", [evaluate_subject(subject(30), Plan(orders=1))], title="")
