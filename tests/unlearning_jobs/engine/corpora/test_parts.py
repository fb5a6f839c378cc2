"""What files of a folder say of each other: shards that are missing, and what `datasets` wrote beside its data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.unlearning_jobs.engine.corpora.made import lines, read, report, written
from unlearning_jobs.engine.corpora import ReadOptions
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.sweeping import Asked, SweepSummary, find_shards, sweep

ROWS = [{"text": "one"}, {"text": "two"}]
STATE = {"_data_files": [{"filename": f"data-0000{n}-of-00002.arrow"} for n in range(2)], "_indices_files": None}


def arrow(path: Path, *texts: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = pa.table({"text": list(texts)})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
        writer.write_table(content)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    for number in range(2):
        arrow(tmp_path / "given" / "train" / f"data-0000{number}-of-00002.arrow", f"one {number}", f"two {number}")
    written(tmp_path / "given" / "train" / "state.json", json.dumps(STATE))
    written(tmp_path / "given" / "train" / "dataset_info.json", json.dumps({"features": {}, "description": ""}))
    written(tmp_path / "given" / "dataset_dict.json", json.dumps({"splits": ["train"]}))
    return tmp_path / "given"


def swept(folder: Path, **options: Any) -> SweepSummary:
    asked = Asked.of([Query("q1", "name", "Ada Beispiel")])
    return sweep(find_shards([folder], ReadOptions(**options)), asked, folder.with_name("out"))


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("train-00000-of-00003", "train-00002-of-00003"), "data/train-00001-of-00003.jsonl"),
        (("train-00000-of-00002-a09b74b3ef9c3b56",), "data/train-00001-of-00002.jsonl"),
        (("a_2_of_4", "a_4_of_4"), "data/a_1_of_4.jsonl and 1 more"),
        (("b-0-of-999999999",), "data/b-1-of-999999999.jsonl and 999999997 more"),
        (("c4-train.00000-of-01024", "c4-train.00001-of-01024"), "data/c4-train.00002-of-01024.jsonl and 1021 more"),
        (("train.0-of-3",), "data/train.1-of-3.jsonl and 1 more"),
        (("data.00000.of.00003", "data.00002.of.00003"), "data/data.00001.of.00003.jsonl"),
        (("train-00000of00003",), "data/train-00001of00003.jsonl and 1 more"),
        (("Part 1 Of 3", "Part 3 Of 3"), "data/Part 2 Of 3.jsonl"),
        (("teil1of2",), "data/teil*of2.jsonl (1 of 2)"),
        (("part-1-of-3", "part-2-of-3"), "data/part-*-of-3.jsonl (1 of 3)"),
        (("train-00001-of-00002",), "data/train-*-of-00002.jsonl (1 of 2)"),
    ],
)
def test_a_folder_without_one_of_its_shards_is_refused_until_a_flag_allows_it(
    tmp_path: Path, names: tuple[str, ...], missing: str
) -> None:
    for name in names:
        lines(tmp_path / "given" / "data" / f"{name}.jsonl", ROWS)
    with pytest.raises(CorpusError, match=rf"given: files are missing: {re.escape(missing)}\. .*--allow-missing"):
        report(tmp_path / "given")
    assert report(tmp_path / "given", allows_missing=True).examples == 2 * len(names)
    summary = swept(tmp_path / "given")
    assert (summary.missing, summary.complete) == ((f"given/{missing}",), False)
    assert summary.to_json()["missing"] == [f"given/{missing}"]


@pytest.mark.parametrize(
    "names", [("a-0-of-2", "a-1-of-2"), ("a-1-of-2", "a-2-of-2"), ("a-7", "b-of-3", "1-of-many", "9-of-3")]
)
def test_a_series_that_is_whole_and_a_name_of_no_series_lack_nothing(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        lines(tmp_path / "given" / f"{name}.jsonl", ROWS)
    assert report(tmp_path / "given").examples == 2 * len(names)
    assert swept(tmp_path / "given").complete


def test_a_text_or_a_file_that_nobody_asked_for_is_no_shard_whatever_its_title(tmp_path: Path) -> None:
    written(tmp_path / "given" / "chapter-1-of-3.txt", "Once.")
    written(tmp_path / "given" / "end.txt", "The end.")
    lines(tmp_path / "given" / "train-0-of-3.jsonl", ROWS)
    assert report(tmp_path / "given", only=".txt").examples == 2
    with pytest.raises(CorpusError, match=r"files are missing: chapter-\*-of-3\.txt \(2 of 3\)"):
        report(tmp_path / "given", only=".txt", text_unit="line")


def test_a_whole_folder_of_save_to_disk_is_swept_completely(saved: Path) -> None:
    assert (report(saved).examples, report(saved).aside) == (4, 3)
    assert swept(saved).complete


@pytest.mark.parametrize(
    ("name", "content"),
    [("dataset_info.json", {"description": "By Ada Beispiel."}), ("state.json", STATE | {"by": "Ada Beispiel"})],
)
def test_a_description_that_says_more_than_datasets_writes_is_left_aside_and_named(
    saved: Path, name: str, content: dict[str, Any]
) -> None:
    written(saved / "train" / name, json.dumps(content))
    summary = swept(saved)
    assert (summary.aside, summary.complete) == ((f"given/train/{name}",), False)


def test_a_file_or_a_set_that_a_description_names_and_that_is_not_there_is_missing(saved: Path) -> None:
    (saved / "train" / "data-00001-of-00002.arrow").unlink()
    written(saved / "dataset_dict.json", json.dumps({"splits": ["train", "test"]}))
    with pytest.raises(CorpusError, match=r"files are missing: train/data-00001-of-00002\.arrow, test\."):
        report(saved)
    assert swept(saved).missing == ("given/train/data-00001-of-00002.arrow", "given/test")


def test_what_datasets_computed_beside_the_data_is_not_read_as_data(saved: Path) -> None:
    arrow(saved / "train" / "cache-0123456789abcdef.arrow", "cached")
    arrow(saved / "train" / "other.arrow", "not named")
    assert (report(saved).examples, report(saved).aside) == (4, 5)
    assert swept(saved).aside == ("given/train/cache-0123456789abcdef.arrow", "given/train/other.arrow")
    (saved / "train" / "state.json").unlink()
    assert report(saved).examples == 5
    arrow(saved.with_name("alone") / "cache-0123456789abcdef.arrow", "one", "two")
    assert report(saved.with_name("alone")).examples == 2


def test_a_selection_of_rows_is_refused_and_not_read_whole(saved: Path) -> None:
    arrow(saved / "train" / "indices.arrow", "0")
    written(saved / "train" / "state.json", json.dumps(STATE | {"_indices_files": [{"filename": "indices.arrow"}]}))
    with pytest.raises(CorpusError, match=r"state\.json selects rows of its files; save it again after flatten_indices"):
        report(saved)


def test_what_spark_writes_beside_its_shards_is_left_aside(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "part-0.jsonl", ROWS)
    written(tmp_path / "given" / "_SUCCESS", "")
    assert (report(tmp_path / "given").aside, swept(tmp_path / "given").complete) == (1, True)
    for name in ("_metadata", "_common_metadata", "_committed_17"):
        written(tmp_path / "given" / name, "PAR1")
    assert report(tmp_path / "given").aside == 4
    assert len(find_shards([tmp_path / "given"], ReadOptions()).aside) == 3


@pytest.mark.parametrize("apart", [True, False])
def test_files_with_numbers_and_files_with_names_as_labels_are_refused(tmp_path: Path, *, apart: bool) -> None:
    numbers, names = ([{"text": f"{x}", "label": x} for x in labels] for labels in ((0, 1), ("pos", "neg")))
    if not apart:  # a file with both shows that both are classes
        names.append({"text": "another", "label": 3})
    lines(tmp_path / "given" / "0.jsonl", numbers)
    lines(tmp_path / "given" / "1.jsonl", names)
    if apart:
        with pytest.raises(CorpusError, match=r"0\.jsonl calls classes by numbers and given/1\.jsonl by names"):
            read(tmp_path / "given")
    else:
        assert len(read(tmp_path / "given")) == 5
