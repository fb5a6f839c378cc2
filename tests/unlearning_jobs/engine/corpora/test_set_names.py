"""Which set the names of folders and shards put rows into, and which names nobody guesses about."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.unlearning_jobs.engine.corpora.made import lines, read, report, written
from unlearning_jobs.engine.corpora import ReadOptions, SourceInfo, snapshot_survey
from unlearning_jobs.engine.corpora.set_names import is_of_evaluation
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.sweeping import Asked, find_shards, sweep

ROWS = [{"text": "one"}, {"text": "two"}]

MEANT = """holdout benchmark test_set validation_clean evaluate testset TestSet heldout my-held_out-part val2017 minival
trainval devtest unittests split=gold_test wiki.test testA DEV2 test-tube"""


def sets(folder: Path, **options: object) -> list[str]:
    snapshot_survey([folder], options=ReadOptions(**options))  # type: ignore[arg-type]  # flags by name
    return [row.set for row in read(folder, **options)]


@pytest.mark.parametrize("name", MEANT.split())
def test_a_folder_whose_name_may_mean_a_test_set_is_refused_until_a_flag_says(tmp_path: Path, name: str) -> None:
    lines(tmp_path / "given" / "train" / "0.jsonl", ROWS)
    lines(tmp_path / "given" / name / "0.jsonl", ROWS)
    called = name.removeprefix("split=")
    with pytest.raises(CorpusError, match=rf"given: folders or shards are called {called}, .*--split {called}=held_out"):
        sets(tmp_path / "given")
    assert sorted(sets(tmp_path / "given", splits={called: "held_out"})) == ["held_out"] * 2 + ["train"] * 2
    assert sets(tmp_path / "given", splits={called: "train"}) == ["train"] * 4


@pytest.mark.parametrize(
    ("file", "called"),
    [
        ("test_matched-00000-of-00001", "test_matched"),
        ("holdout-00000-of-00001-a09b74b3ef9c3b56", "holdout"),
        ("dev2-00000-of-00001", "dev2"),
        ("imagenet-val-000003", "imagenet-val"),
        ("data_test", "data_test"),
        ("dev-v1.1", "dev-v1"),
        ("wiki.test", "wiki.test"),
        ("train-2020-test", "train-2020-test"),
    ],
)
def test_a_shard_whose_name_may_mean_a_test_set_is_refused_until_a_flag_says(tmp_path: Path, file: str, called: str) -> None:
    lines(tmp_path / "given" / f"{file}.jsonl", ROWS)
    lines(tmp_path / "given" / "train-00000-of-00001.jsonl", ROWS)
    with pytest.raises(CorpusError, match=f"--split {called}=held_out or --split {called}=train"):
        sets(tmp_path / "given")
    assert "held_out" in sets(tmp_path / "given", splits={called: "held_out"})


@pytest.mark.parametrize(
    "name",
    ["latest", "contest", "protests", "testament", "value", "valley", "development", "devices", "evaline", "withheld"],
)
def test_a_name_that_only_contains_such_letters_is_none(name: str) -> None:
    assert not is_of_evaluation(name)


@pytest.mark.parametrize(
    "place",
    [
        "en/test/0.jsonl",
        "TEST /0.jsonl",
        "train/test_0.jsonl",
        "split=test/0.jsonl",
        "a/val.jsonl",
        "test_00000of00001.jsonl",
    ],
)
def test_a_known_name_counts_wherever_it_stands_below_what_was_given(tmp_path: Path, place: str) -> None:
    lines(tmp_path / "given" / place, ROWS)
    lines(tmp_path / "given" / "en" / "train" / "0.jsonl", ROWS)
    assert sorted(sets(tmp_path / "given")) == ["held_out"] * 2 + ["train"] * 2


def test_what_a_row_says_of_its_set_counts_before_any_name(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "holdout" / "0.jsonl", [{"text": "one", "split": "train"}, {"text": "two", "split": "test"}])
    assert sets(tmp_path / "given") == ["train", "held_out"]
    lines(tmp_path / "given" / "holdout" / "1.jsonl", [{"text": "three"}])
    with pytest.raises(CorpusError, match=r"1\.jsonl, line 1: folders or shards are called holdout"):
        sets(tmp_path / "given")


def test_lines_of_a_file_have_its_set_and_a_file_that_is_one_text_has_a_title(tmp_path: Path) -> None:
    for name in ("train", "test"):
        written(tmp_path / "given" / f"{name}.txt", f"How to {name}.\nTwo.\n")
    assert sets(tmp_path / "given") == ["train", "train"]
    assert sets(tmp_path / "given", text_unit="line") == ["held_out", "held_out", "train", "train"]


def test_the_last_folder_of_a_picture_is_its_class_and_one_above_may_be_a_set(tmp_path: Path) -> None:
    def found(*folders: str, **splits: str) -> list[tuple[str, str]]:
        for number, folder in enumerate(folders):
            place = tmp_path / "-".join(folders).replace("/", "+") / folder
            place.mkdir(parents=True)
            Image.new("RGB", (4, 4), (number * 9, 0, 0)).save(place / "1.png")
        given = tmp_path / "-".join(folders).replace("/", "+")
        snapshot_survey([given], options=ReadOptions(splits=splits))
        return [(row.set, row.row.completion) for row in read(given, splits=splits)]

    assert found("train/test-tube", "train/cup") == [("train", "cup"), ("train", "test-tube")]
    assert found("cat/test", "cat/train", "dog/train") == [("held_out", "cat"), ("train", "cat"), ("train", "dog")]
    with pytest.raises(CorpusError, match="--split holdout=held_out"):
        found("holdout/cat", "train/cat", "train/dog")
    assert found("holdout/cat", "train/cup", "train/dog", holdout="held_out")[0] == ("held_out", "cat")
    assert found("test-tube", "cup", **{"test-tube": "train"}) == [("train", "cup"), ("train", "test-tube")]


def test_the_report_names_which_folder_and_shard_went_into_which_set(tmp_path: Path) -> None:
    for name in ("a/extra-0-of-2", "a/extra-1-of-2", "dev-0", "b/train"):
        lines(tmp_path / "given" / f"{name}.jsonl", [{"text": name}])
    told: list[SourceInfo] = []
    snapshot_survey([tmp_path / "given"], on_plan=told.extend)
    assert told[0].placed == {"train": {"a/extra": 2, "b/train": 1}, "held_out": {"dev": 1}}
    assert report(lines(tmp_path / "holdout.jsonl", ROWS)).placed == {}


def test_of_several_files_or_folders_that_are_given_the_own_names_count(tmp_path: Path) -> None:
    names = ("train.jsonl", "test-0-of-1.jsonl")
    given = [lines(tmp_path / name, [{"text": name}, {"text": f"{name} too"}]) for name in names]
    told: list[SourceInfo] = []
    assert snapshot_survey(given, on_plan=told.extend).counts == {"train": 2, "held_out": 2}
    assert [one.placed for one in told] == [{"train": {"train": 1}}, {"held_out": {"test": 1}}]
    lines(tmp_path / "holdout" / "a.jsonl", ROWS)
    with pytest.raises(CorpusError, match="holdout: folders or shards are called holdout"):
        snapshot_survey([given[0], tmp_path / "holdout"])
    assert snapshot_survey([tmp_path / "holdout"]).counts == {"train": 2}
    assert snapshot_survey(given[:1], sets={"mine": tmp_path / "holdout"}).counts == {"train": 2, "mine": 2}


def test_a_sweep_asks_nobody_which_set_a_folder_is(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "holdout" / "0.jsonl", [{"text": "Then Ada Beispiel came."}])
    asked = Asked.of([Query("q1", "name", "Ada Beispiel")])
    assert sweep(find_shards([tmp_path / "given"], ReadOptions()), asked, tmp_path / "out").total.matches == 1
    assert '"set":"holdout"' in (tmp_path / "out").read_text()
