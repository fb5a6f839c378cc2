"""An index finds what a sweep finds, belongs to one snapshot, and is whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import ExampleMatch, Query, find_matches
from unlearning_jobs.engine.matching.exact import ExactMatcher
from unlearning_jobs.engine.matching.index import SnapshotIndex, index_build

VOCABULARY = [
    *("the", "a", "la", "Thyra", "Kestelyn", "Kestélyn", "Kestlyn", "T.", "Anselm", "Dravec", "Dravecs", "salt", "road"),
    *(
        "Tide_Reader",
        "@tide_reader",
        "thyra.k@post.example",
        "post.example/thyra",
        "don't",
        "dog’s",
        "<b>sa</b>lt",
        "&eacute;",
    ),
    *(
        "王",
        "小",
        "明",
        "กำ",
        "ข",
        "ガ",
        "ｶﾞ",
        "हिन्दी",
        "محمد",
        "한국어",
        '<a title="salt road">',
        "soft\u00adly",
        "ß",
        "ﬁsh",
    ),
]
FIXED = [
    Query("name", "name", "Thyra Kestelyn"),
    Query("other name", "name", "Dravec, Anselm"),
    Query("phrase", "exact", "the salt road"),
    Query("word", "exact", "王小"),
    Query("address", "identifier", "thyra.k@post.example"),
    Query("account", "identifier", "tide_reader"),
    Query("page", "identifier", "https://post.example/thyra"),
]


def snapshot_of(folder: Path, texts: list[str]) -> Snapshot:
    folder.mkdir(exist_ok=True)
    info = snapshot_create([write_jsonl(folder / "t.jsonl", [{"text": t} for t in texts])], folder / "s")
    return Snapshot.open(folder / "s", info.digest)


def random_texts(seed: int, count: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(VOCABULARY, rng.integers(1, 60))) for _ in range(count)]


def random_passages(texts: list[str], seed: int) -> list[Query]:
    """Return parts of the texts, some of them changed."""
    rng = np.random.default_rng(seed)
    queries = []
    for i in range(20):
        taken = str(rng.choice(texts)).split()
        changed = [str(rng.choice(VOCABULARY)) if rng.random() < 0.1 else word for word in taken]
        queries.append(Query(f"passage {i}", "exact", " ".join(changed)))
    return queries


def in_order(snapshot: Snapshot, queries: list[Query], index: SnapshotIndex | None = None) -> list[ExampleMatch]:
    return sorted(find_matches(snapshot, queries, index=index), key=str)


@pytest.mark.parametrize("seed", range(4))
def test_an_index_and_a_sweep_find_the_same(tmp_path: Path, seed: int) -> None:
    texts = random_texts(seed, 150)
    snapshot = snapshot_of(tmp_path, texts)
    queries = FIXED + random_passages(texts, seed)
    swept = in_order(snapshot, queries)
    assert {match.query for match in swept} >= {"name", "address", "account"}
    assert in_order(snapshot, queries, index_build(snapshot, tmp_path / "i")) == swept


@pytest.mark.parametrize("seed", range(2))
def test_a_sweep_finds_every_run_of_eight_words_and_every_phrase(tmp_path: Path, seed: int) -> None:
    texts = random_texts(seed, 40)
    snapshot = snapshot_of(tmp_path, texts)
    queries = [query for query in FIXED + random_passages(texts, seed) if query.kind == "exact"]
    swept = {(m.query, m.example_id, m.start, m.end) for m in find_matches(snapshot, queries)}
    for query in queries:
        for example in snapshot.examples():
            for span in ExactMatcher([query]).spans(example.text):
                changed = (query.id, example.id, span.start, span.end) not in swept
                assert not changed or span.copied < 40  # only a passage of short runs can lack a fingerprint
                if span.copied == len(query.value.split()) and span.score == 1:
                    assert not changed


def test_an_index_of_another_snapshot_is_refused(tmp_path: Path) -> None:
    first, second = (snapshot_of(tmp_path / name, random_texts(seed, 20)) for seed, name in enumerate(["a", "b"]))
    index = index_build(first, tmp_path / "i")
    with pytest.raises(CorpusError, match="another snapshot"):
        SnapshotIndex.open(tmp_path / "i", second)
    with pytest.raises(CorpusError, match="another snapshot"):
        find_matches(second, FIXED, index=index)


@pytest.mark.parametrize("part", ["passages", "words", "index.json"])
def test_a_damaged_index_is_refused_and_built_again(tmp_path: Path, part: str) -> None:
    snapshot = snapshot_of(tmp_path, random_texts(1, 20))
    index_build(snapshot, tmp_path / "i")
    expected = in_order(snapshot, FIXED)
    path = tmp_path / "i" / part
    damaged = path if path.is_file() else max((p for p in path.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0x55
    damaged.write_bytes(content)
    with pytest.raises(CorpusError):
        SnapshotIndex.open(tmp_path / "i", snapshot)
    assert in_order(snapshot, FIXED, index_build(snapshot, tmp_path / "i")) == expected


def test_a_missing_or_additional_file_is_noticed(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, random_texts(1, 20))
    index_build(snapshot, tmp_path / "i")
    (tmp_path / "i" / "passages" / "more").write_text("x")
    with pytest.raises(CorpusError, match="damaged"):
        SnapshotIndex.open(tmp_path / "i", snapshot)
    with pytest.raises(CorpusError, match="no index"):
        SnapshotIndex.open(tmp_path / "nowhere", snapshot)


def test_an_index_that_another_version_built_is_refused(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, random_texts(1, 20))
    index_build(snapshot, tmp_path / "i")
    path = tmp_path / "i" / "index.json"
    described = json.loads(path.read_bytes())
    described["parts"]["words"]["version"] = "earlier"
    path.write_text(json.dumps(described))
    with pytest.raises(CorpusError, match="another version"):
        SnapshotIndex.open(tmp_path / "i", snapshot)


def test_an_index_grows_with_its_corpus_and_finds_what_a_new_one_finds(tmp_path: Path) -> None:
    texts = random_texts(2, 90)
    queries = FIXED + random_passages(texts, 2)
    previous = None
    for part in (30, 60, 90):
        snapshot = snapshot_of(tmp_path / str(part), texts[:part])
        index_build(snapshot, tmp_path / f"i{part}", previous=previous)
        previous = tmp_path / f"i{part}"
    index = SnapshotIndex.open(tmp_path / "i90", snapshot)
    assert len(list((tmp_path / "i90" / "passages").glob("segment-*"))) == 3
    shutil.rmtree(tmp_path / "i60")
    assert in_order(snapshot, queries, index) == in_order(snapshot, queries)


def test_a_corpus_that_changed_at_the_beginning_gets_a_new_index(tmp_path: Path) -> None:
    texts = random_texts(2, 60)
    index_build(snapshot_of(tmp_path / "old", texts[:30]), tmp_path / "i")
    changed = snapshot_of(tmp_path / "new", ["Thyra Kestelyn", *texts])
    index = index_build(changed, tmp_path / "j", previous=tmp_path / "i")
    assert len(list((tmp_path / "j" / "passages").glob("segment-*"))) == 1
    assert in_order(changed, FIXED, index) == in_order(changed, FIXED)


def test_searches_leave_an_index_as_it_was_built_and_need_not_write_to_it(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, random_texts(1, 20))
    built = index_build(snapshot, tmp_path / "i")
    found = in_order(snapshot, FIXED, built)
    again = SnapshotIndex.open(tmp_path / "i", snapshot)  # reads and compares every file
    assert (again.digest, in_order(snapshot, FIXED, again)) == (built.digest, found)
    assert not list((tmp_path / "i").rglob("*.lock"))


def test_progress_grows_from_part_to_part_until_all_is_done(tmp_path: Path) -> None:
    snapshot, said = snapshot_of(tmp_path, random_texts(1, 20)), list[tuple[int, int]]()
    index_build(snapshot, tmp_path / "i", on_progress=lambda done, total: said.append((done, total)))
    assert said == sorted(said)
    assert said[-1] == (40, 40)


BUILD = """
import os, sys
from pathlib import Path
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching.index import index_build
index_build(Snapshot.open(sys.argv[1]), Path(sys.argv[2]), on_progress=lambda done, total: print(done, flush=True))
"""


@pytest.mark.parametrize("after", [1, 3])
def test_a_build_that_was_killed_leaves_nothing_in_the_place_of_an_index_and_is_finished(tmp_path: Path, after: int) -> None:
    snapshot = snapshot_of(tmp_path, random_texts(3, 1500))
    command = [sys.executable, "-c", BUILD, str(tmp_path / "s"), str(tmp_path / "i")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(CorpusError, match="no index"):
        SnapshotIndex.open(tmp_path / "i", snapshot)
    index = index_build(snapshot, tmp_path / "i")
    assert in_order(snapshot, FIXED[1:2], index) == in_order(snapshot, FIXED[1:2])
    assert not (tmp_path / "i.building").exists()


def test_two_builds_of_one_index_do_not_disturb_each_other(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, random_texts(3, 1500))
    command = [sys.executable, "-c", BUILD, str(tmp_path / "s"), str(tmp_path / "i")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(CorpusError, match="Another process"):
            index_build(snapshot, tmp_path / "i")
        process.send_signal(signal.SIGCONT)
        process.stdout.read()
    assert SnapshotIndex.open(tmp_path / "i", snapshot)
    built = {path: path.stat().st_mtime_ns for path in (tmp_path / "i").rglob("*")}
    index_build(snapshot, tmp_path / "i")  # it is there already
    assert built == {path: path.stat().st_mtime_ns for path in (tmp_path / "i").rglob("*")}


def test_a_query_that_no_index_answers_is_swept_for(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, ["see http://bücher.example now", "nothing"])
    query = Query("q", "identifier", "bücher.de")
    index = index_build(snapshot, tmp_path / "i")
    assert list(find_matches(snapshot, [query], index=index)) == []
    [match] = find_matches(snapshot, [Query("q", "identifier", "bücher.example")], index=index)
    assert match.example_id == "e00000000"


@pytest.mark.parametrize("file", ["passages/segment-00/positions", "words/vocabulary"])
def test_what_was_open_while_it_was_damaged_is_opened_again_when_it_is_restored(tmp_path: Path, file: str) -> None:
    snapshot = snapshot_of(tmp_path, random_texts(1, 20))
    expected = in_order(snapshot, FIXED, index_build(snapshot, tmp_path / "i"))
    found = next(path for path in (tmp_path / "i").rglob("*") if path.is_file() and file in path.as_posix())
    sound = found.read_bytes()
    with found.open("r+b") as written:
        written.write(bytes(len(sound)))
    found.with_name(".restored").write_bytes(sound)
    found.with_name(".restored").replace(found)
    restored = SnapshotIndex.open(tmp_path / "i", snapshot)
    assert in_order(snapshot, FIXED, restored) == expected


def test_a_search_of_many_candidates_says_how_far_it_is(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, [f"the salt road {number}" for number in range(400)])
    index, said = index_build(snapshot, tmp_path / "i"), list[int]()
    list(find_matches(snapshot, FIXED[2:3], index=index, on_progress=lambda done, _all: said.append(done)))
    assert said == sorted(said)
    assert len(said) > 5
    assert said[-1] == 400
