"""What a person may point at."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from categoriser.errors import ConfigurationError
from categoriser.evaluation import Subject, doubt, read_subject, read_vocabulary
from tests.whole import pictures


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    pictures(tmp_path / "cats" / "young", 2)
    pictures(tmp_path / "dogs", 3, start=10)
    pictures(tmp_path, 1, start=20)
    subject = read_subject(tmp_path)
    assert sorted(subject.classes or [], key=str) == [None, "cats", "cats", "dogs", "dogs", "dogs"]


def test_a_folder_without_sub_folders_has_no_classes(tmp_path: Path) -> None:
    assert read_subject(pictures(tmp_path, 3)).classes is None


def test_a_table_has_its_classes_in_a_column(tmp_path: Path) -> None:
    pictures(tmp_path, 3)
    with (tmp_path / "t.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerows([("file", "kind"), ("00000.png", "a"), ("00001.jpg", ""), ("00002.png", "b")])
    assert read_subject(tmp_path / "t.csv").classes is None
    subject = read_subject(tmp_path / "t.csv", labels="kind")
    assert list(subject.classes or []) == ["a", None, "b"]
    assert subject.items[0].path == tmp_path / "00000.png"
    with pytest.raises(ConfigurationError, match="has no column sort; it has file, kind"):
        read_subject(tmp_path / "t.csv", labels="sort")


def test_vectors_and_labels_are_found_by_their_usual_names_or_as_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", emb=np.eye(4, dtype=np.float16), label=np.array(list("aabb")), kind=np.arange(4))
    subject = read_subject(tmp_path / "v.npz")
    assert subject.vectors is not None
    assert subject.vectors.dtype == np.float32
    assert list(subject.classes or []) == ["a", "a", "b", "b"]
    assert list(read_subject(tmp_path / "v.npz", labels="kind").classes or []) == ["0", "1", "2", "3"]
    for options, sentence in (
        ({"vectors_key": "no"}, "has no no; it has emb, label, kind"),
        ({"labels": "no"}, "has no no"),
        ({"vectors_key": "label"}, "vectors are numbers"),
    ):
        with pytest.raises(ConfigurationError, match=sentence):
            read_subject(tmp_path / "v.npz", **options)


def test_a_limit_draws_images_with_their_classes(tmp_path: Path) -> None:
    labels = np.arange(50)
    np.savez(tmp_path / "v.npz", emb=np.stack([labels + 1, labels]).T.astype(float), label=labels)
    subject = read_subject(tmp_path / "v.npz", limit=10)
    assert subject.vectors is not None
    assert len(subject) == len(set(subject.classes or [])) == 10
    assert [str(int(row[1])) for row in subject.vectors] == list(subject.classes or [])


@pytest.mark.parametrize("name", ["nothing", "text.txt", "broken.npz", "empty"])
def test_what_makes_no_sense_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "broken.npz").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match=r"\.$"):
        read_subject(tmp_path / name)


def test_a_vocabulary_has_at_least_two_terms(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("cat\n\n dog \ncat\n")
    assert read_vocabulary(tmp_path / "v.txt") == ["cat", "dog"]
    (tmp_path / "v.txt").write_text("cat\n")
    with pytest.raises(ConfigurationError, match="at least two"):
        read_vocabulary(tmp_path / "v.txt")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_vocabulary(tmp_path / "nothing.txt")


def test_files_of_vectors_that_are_none_get_a_sentence_without_python(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    with pytest.raises(ConfigurationError, match="There is no file"):
        read_subject(path)
    path.write_bytes(b"PK broken")
    with pytest.raises(ConfigurationError, match=r"damaged.*numpy\.savez"):
        read_subject(path)
    np.savez(path, emb=np.eye(3), label=np.array(["a", None, "b"], object))
    with pytest.raises(ConfigurationError, match="save the labels as texts"):
        read_subject(path)
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ConfigurationError, match="binary data"):
        read_subject(tmp_path / "binary.csv")
    with pytest.raises(ConfigurationError, match="No such file"):
        read_vocabulary(tmp_path / "none.txt")


def test_labels_that_are_no_classes_are_doubted() -> None:
    assert "empty" in str(doubt(Subject("a", [None, None])))
    assert "different" in str(doubt(Subject("a", ["1", "2", "3"])))
    assert doubt(Subject("a", ["1", "1", None])) is None
    assert doubt(Subject("a")) is None
