"""Every command does its one thing, says it to people, and says it to programs with --json."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.whole import picture, pictures

READING = ("categories", "groups", "images", "collections", "events", "failed")


def test_adding_a_folder_twice_changes_nothing(run: Command, folder: Path) -> None:
    first, second = run("add", folder, "--json"), run("add", folder, "--json")
    assert (first.code, second.code) == (0, 0)
    assert (first.json["filed"], first.json["known"]) == (12, 0)
    assert (second.json["filed"], second.json["known"]) == (0, 12)
    assert {one["image_id"] for one in first.json["images"]} == {one["image_id"] for one in second.json["images"]}


def test_several_sources_make_one_report(run: Command, folder: Path) -> None:
    (folder / "notes.txt").touch()
    single = folder.parent / "single.png"
    single.write_bytes(picture(99))
    report = run("add", folder, single, folder, "--json").json
    assert (report["filed"], report["known"], report["skipped"]) == (13, 12, {".txt": 2})


def test_refused_inputs_are_named_with_their_reason_and_the_rest_is_filed(run: Command, folder: Path) -> None:
    for number in range(25):
        (folder / f"broken{number:02}.jpg").write_bytes(b"\xff\xd8\xff broken")
    report = folder.parent / "report.csv"
    result = run("add", folder, "--report", report)
    assert result.code == 1
    assert "12 filed, 0 known before, 25 refused" in result.out
    assert "broken00.jpg" in result.out
    assert "… and 5 more; all with --json or --report FILE." in result.out
    with report.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 37
    assert all(row["reason"] for row in rows if row["status"] == "refused")
    again = run("add", folder, "--json")
    assert again.code == 1
    assert len(again.json["refused"]) == 25
    assert set(again.json["refused"][0]) == {"item", "reason"}


def test_a_table_is_added_with_its_ids(run: Command, folder: Path) -> None:
    table = folder.parent / "table.csv"
    rows = [f"{folder / name.name},id-{i}" for i, name in enumerate(sorted(folder.iterdir()))]
    table.write_text("picture,key\n" + "\n".join(rows) + "\n")
    columns = ("--image-column", "picture", "--id-column", "key")
    report = run("add", table, *columns, "--start", 2, "--limit", 3, "--json").json
    assert [one["image_id"] for one in report["images"]] == ["id-2", "id-3", "id-4"]


@pytest.mark.parametrize("command", READING)
def test_what_only_looks_makes_no_library(run: Command, tmp_path: Path, command: str) -> None:
    result = run(command, "--json")
    assert result.code == 2
    assert result.json["error"]["code"] == "not_found"
    assert "There is no library" in result.err
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize("command", READING)
def test_what_only_looks_opens_no_encoder(
    run: Command, folder: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add", folder)
    monkeypatch.setattr("categoriser.library.encoders.open_encoder", lambda *_, **__: pytest.fail("opened an encoder"))
    for options in ((), ("--json",)):
        assert run(command, *options).code == 0


def test_categories_images_and_show_tell_the_same(run: Command, folder: Path) -> None:
    run("add", folder)
    listed = run("images", "--limit", 5, "--json").json
    assert len(listed["images"]) == 5
    rest = run("images", "--after", listed["next"], "--json").json["images"]
    assert len(rest) == 7
    image = listed["images"][0]
    assert run("show", image["id"], "--json").json == image
    grouped = run("categories", "--json").json
    assert sum(one["size"] for one in grouped["categories"]) + grouped["unsorted"] == grouped["images"] == 12
    assert image["id"] in run("show", image["id"]).out
    assert "Unsorted" in run("categories").out


def test_search_by_file_and_by_stored_image(run: Command, folder: Path) -> None:
    run("add", folder)
    file = min(folder.iterdir())
    by_file = run("search", "--image", file, "--limit", 3, "--json").json["results"]
    assert by_file[0]["source"] == str(file)
    alike = run("search", "--image-id", by_file[0]["image_id"], "--limit", 2, "--json").json["results"]
    assert [one["image_id"] for one in alike] == [one["image_id"] for one in by_file[1:]]
    assert file.name in run("search", "--image", file).out


def test_words_need_an_encoder_that_reads_them(run: Command, folder: Path) -> None:
    run("add", folder)
    result = run("search", "a dog", "--json")
    assert result.code == 2
    assert "does not read text" in result.json["error"]["message"]


def test_run_reports_what_it_did(run: Command, folder: Path) -> None:
    run("add", folder)
    report = run("run", "--json").json
    counts = {
        "spawned",
        "split",
        "merged",
        "moved",
        "absorbed",
        "reconsidered",
        "unsorted",
        "categories",
        "groups",
        "suggestions",
    }
    assert set(report) == counts | {"seconds", "version"}
    said = run("run").out
    assert "categories spawned" in said
    assert "taken from Unsorted" in said


def test_people_correct_look_back_and_undo(run: Command, folder: Path) -> None:
    run("add", folder)
    ids = [image["id"] for image in run("images", "--json").json["images"]]
    made = run("move", *ids[:3], "--label", "Kept", "--json").json
    assert made["moved"] <= 3
    assert run("show", ids[0], "--json").json["category"] == made["category"]
    assert "A person put it there." in run("why", ids[0]).out
    assert run("reject", ids[0]).code == 0
    assert f"{ids[0]} is in Unsorted. A person said that it does not belong to " in run("why", ids[0]).out
    assert run("why", ids[0], "--json").json["decided_by"] == "person"
    assert run("undo").code == 0
    assert "A run on" in run("plan").out
    assert run("rename", made["category"], "Renamed").code == 0
    assert run("lock", made["category"]).code == 0
    assert [one["label"] for one in run("categories", "--json").json["categories"] if one["locked"]] == ["Renamed"]
    assert run("lock", made["category"]).out == "Nothing was changed: it is so already.\n"
    assert re.match(r"Took back version \d+ \(lock of Renamed\)\.\n", run("undo").out)
    assert run("undo", "--json").json["what"] == "renaming to Renamed"
    assert "(move to Kept)." in run("undo").out
    assert run("show", ids[0], "--json").json["category"] != made["category"]
    kinds = [one["kind"] for one in run("versions", "--json").json["versions"]]
    assert kinds[:3] == ["undo"] * 3
    assert kinds[3:8] == ["lock", "rename", "undo", "reject", "gather"]
    assert run("merge", "nobody-1", "nobody-2").code == 2
    assert run("granularity", "coarse").code == 2


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out"])
def test_export_writes_every_image(run: Command, folder: Path, tmp_path: Path, name: str) -> None:
    run("add", folder)
    result = run("export", tmp_path / name, "--json")
    assert (result.code, result.json["images"]) == (0, 12)
    target = tmp_path / name
    if target.is_dir():
        assert sum(1 for one in target.rglob("*") if one.is_symlink()) == 12
    else:
        assert len(target.read_text().splitlines()) == 12 + (target.suffix == ".csv")


def test_delete_previews_asks_and_deletes(run: Command, folder: Path) -> None:
    run("add", folder)
    image_id = run("images", "--json").json["images"][0]["id"]
    assert run("delete", image_id, "--dry-run", "--json").json == {"deleted": 0, "would_delete": 1, "dry_run": True}
    declined = run("delete", image_id, answer="n\n")
    assert declined.code == 1
    assert "Nothing was deleted" in declined.err
    assert run("delete", image_id, "nothing", "--yes").code == 2
    assert run("show", image_id).code == 0
    assert run("delete", image_id, "--yes", "--json").json["deleted"] == 1
    assert run("show", image_id).code == 2
    assert len(list(folder.iterdir())) == 12


def test_a_whole_collection_is_deleted_only_on_purpose(run: Command, folder: Path) -> None:
    run("add", folder)
    assert run("delete", "--yes").code == 2
    assert run("delete", "x", "--collection-and-all", "--yes").code == 2
    assert run("delete", "--collection-and-all", answer="y\n").code == 0
    assert run("categories").code == 2
    assert run("collections", "--json").json == {"collections": []}


def test_collections_do_not_mix(run: Command, folder: Path) -> None:
    run("add", folder, "--collection", "anna")
    run("add", min(folder.iterdir()), "--collection", "bert")
    listed = run("collections", "--json").json["collections"]
    assert [(one["name"], one["images"]) for one in listed] == [("anna", 12), ("bert", 1)]
    assert len(run("images", "--collection", "bert", "--json").json["images"]) == 1


def test_events_continue_behind_a_cursor(run: Command, folder: Path) -> None:
    run("add", folder)
    page = run("events", "--limit", 4, "--json").json
    rest = run("events", "--after", page["next"], "--json").json
    assert rest["events"][0]["cursor"] == page["next"] + 1
    assert {"cursor", "kind", "at", "detail"} == set(page["events"][0])


def test_failed_pictures_stay_listed(run: Command, folder: Path) -> None:
    assert run("add", folder).code == 0
    assert "None" in run("failed").out
    (folder / "torn.png").write_bytes(picture(1)[:200])
    run("add", folder)
    assert "torn.png" in run("failed", "--json").json["failed"][0]["item"]
    assert "torn.png" in run("failed").out


def test_names_with_markup_and_control_characters_are_shown_as_they_are(run: Command, tmp_path: Path) -> None:
    odd = tmp_path / "pictures"
    odd.mkdir()
    (odd / "[red]a[bold]\x1b[2J.png").write_bytes(picture(1))
    (odd / "[x].png").write_bytes(b"broken")
    result = run("add", odd)
    assert result.code == 1
    assert "[x].png" in result.out
    listed = run("images").out
    assert "[red]a[bold]" in listed
    assert "\x1b[2J" not in listed
    assert json.loads(run("images", "--json").out)["images"][0]["name"] == "[red]a[bold]\x1b[2J.png"


def test_doctor_finds_nothing_wrong_with_a_sound_library(run: Command, folder: Path) -> None:
    run("add", folder)
    result = run("doctor", "--json")
    assert (result.code, result.json["problems"]) == (0, [])
    (collection,) = result.json["library"]["collections"]
    assert (collection["images"], collection["vectors"], collection["in_micro_clusters"]) == (12, 12, 12)
    assert result.json["encoders"][0]["device"] == "cpu"
    assert "No problems found" in run("doctor").out


def test_doctor_says_what_is_wrong_and_what_to_do(run: Command, folder: Path) -> None:
    from categoriser import Library

    run("add", folder)
    with Library.open("library", resume=False) as library:
        row = library.collection("default").row
        library.storage.store(row).delete(row.key, [library.collection("default").images(limit=1)[0].id])
    result = run("doctor", "--encoder", "laion-clip-b32-typo")
    assert result.code == 1
    assert "lacks 1 of 12 vectors" in result.err
    assert "doctor --repair" in result.err
    assert "Unknown encoder" in result.err
    assert "2 problem(s) found" in result.out


def test_adding_the_folder_around_the_library_twice_changes_nothing(run: Command, folder: Path) -> None:
    first = run("add", folder.parent, "--json").json
    run("export", folder.parent / "sorted")
    second = run("add", folder.parent, "--json").json
    assert (first["filed"], second["filed"], second["known"]) == (12, 0, 12)
    assert second["left_out"] == ["library", "sorted"]


def test_a_failed_add_leaves_no_library_behind(run: Command, folder: Path) -> None:
    result = run("add", folder, "--encoder", "onnx:nowhere.onnx")
    assert result.code == 2
    assert "--encoder classic" in result.err
    assert not (folder.parent / "library").exists()


def test_pictures_for_ready_vectors_make_no_collection(run: Command, folder: Path) -> None:
    result = run("add", folder, "--encoder", "vectors:8")
    assert result.code == 2
    assert "takes ready vectors" in result.err
    assert not (folder.parent / "library").exists()


def test_the_report_of_an_add_names_every_source(run: Command, folder: Path) -> None:
    report = folder.parent / "report.csv"
    (folder / "lost.jpg").symlink_to(folder / "nowhere")
    assert run("add", folder, "--report", report).code == 1
    with report.open(newline="") as file:
        assert {row["source"] for row in csv.DictReader(file)} == {str(one) for one in folder.iterdir()}


def test_moved_pictures_are_found_and_lost_ones_are_told_by_the_export(run: Command, folder: Path) -> None:
    run("add", folder)
    folder = folder.rename(folder.with_name("moved"))
    lost = run("export", folder.parent / "first", "--json")
    assert (lost.code, lost.json["images"], lost.json["written"]) == (1, 12, 0)
    assert "0 images written" in run("export", folder.parent / "second").out
    assert run("add", folder, "--json").json["known"] == 12
    assert {image["source"] for image in run("images", "--json").json["images"]} == {str(p) for p in folder.iterdir()}
    assert run("export", folder.parent / "third").code == 0


def test_doctor_minds_only_encoders_that_are_used(run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("add", folder)
    monkeypatch.setenv("CATEGORISER_ENCODER", "onnx:nowhere.onnx")
    result = run("doctor")
    assert result.code == 0
    assert "Note: New collections would get the encoder" in result.err
    assert run("doctor", "--json").json["notes"]
    assert run("doctor", "--encoder", "onnx:nowhere.onnx").code == 1


def test_a_broken_configuration_file_is_one_sentence(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.toml").write_text("encoder = ")
    monkeypatch.setenv("CATEGORISER_CONFIG", str(tmp_path / "own.toml"))
    result = run("doctor")
    assert result.code == 2
    assert "own.toml cannot be read" in result.err


def test_groups_are_listed_and_narrow_the_categories_down(run: Command, tmp_path: Path) -> None:
    run("add", pictures(tmp_path / "many", 30))
    run("run")
    groups, categories = run("groups", "--json").json, run("categories", "--json").json["categories"]
    listed = {child: one["id"] for one in groups["groups"] for child in one["categories"]}
    assert listed == {one["id"]: one["group"] for one in categories}
    assert sum(one["size"] for one in groups["groups"]) + groups["unsorted"] == 30
    for one in groups["groups"]:
        assert one["label"] in run("groups").out
        inside = run("categories", "--group", one["id"], "--json").json["categories"]
        assert [category["id"] for category in inside] == one["categories"]
    assert run("categories", "--group", "g999").code == 2


def test_why_shows_the_categories_of_an_image(run: Command, tmp_path: Path) -> None:
    run("add", pictures(tmp_path / "many", 30))
    run("run")
    image_id = run("images", "--json").json["images"][0]["id"]
    assert "Categories that it belongs to" in run("why", image_id).out
    for one in run("why", image_id, "--json").json["memberships"]:
        assert set(one) == {"category", "label", "score", "main"}


def test_the_version_is_told(run: Command) -> None:
    result = run("--version")
    assert result.code == 0
    assert result.out.startswith("categoriser ")


def test_a_page_of_versions_says_that_there_may_be_more(run: Command, folder: Path) -> None:
    ids = [one["image_id"] for one in run("add", folder, "--json").json["images"]]
    run("move", *ids, "--label", "first")
    assert "1 image moved" in run("move", ids[0], "--label", "second").out
    assert "2 images moved" in run("move", *ids[1:3], "--label", "third").out
    newest = run("versions", "--limit", 1, "--json").json["next"]
    assert f"--before {newest}" in run("versions", "--limit", 1).out
    assert "--before" not in run("versions").out


def test_a_long_half_says_how_many_more_there_are(run: Command, tmp_path: Path) -> None:
    ids = [one["image_id"] for one in run("add", pictures(tmp_path / "many", 60), "--json").json["images"]]
    category = run("move", *ids, "--label", "all", "--json").json["category"]
    leaves = run("split", category, "--preview", "--json").json["leaves"]
    shown = run("split", category, "--preview").out
    assert (f"and {len(leaves) - 20} more" in shown) == (len(leaves) > 20)
