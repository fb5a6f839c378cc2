"""The pass over a snapshot, with planted variants: floors for recall, and who must not be found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from demo.corpus import make_demo_corpus
from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.matching import Query, QueryError, find_matches
from unlearning_jobs.engine.matching.index import SnapshotIndex, index_build


def snapshot_of(folder: Path, texts: list[str]) -> Snapshot:
    info = snapshot_create([write_jsonl(folder / "t.jsonl", [{"text": t} for t in texts])], folder / "s")
    return Snapshot.open(folder / "s", info.digest)


def test_every_kind_is_searched_in_one_pass_with_spans_in_the_raw_text(tmp_path: Path) -> None:
    texts = ["Ask Édda  Farrowmere’s aunt.", "Write to Edda@Post.Example!", "So:  the QUIET orchard.", "Nothing here."]
    snapshot = snapshot_of(tmp_path, texts)
    queries = [
        Query("n", "name", "Edda Farrowmere"),
        Query("m", "identifier", "edda@post.example"),
        Query("x", "exact", "The quiet orchard"),
    ]
    matches = {
        (m.query, m.method): snapshot.get([m.example_id])[0].text[m.start : m.end] for m in find_matches(snapshot, queries)
    }
    assert matches == {
        ("n", "name"): "Édda  Farrowmere",
        ("m", "identifier"): "Edda@Post.Example",
        ("x", "exact"): "the QUIET orchard",
    }


def test_a_key_finds_the_rows_with_the_column_and_an_index_finds_the_same(tmp_path: Path) -> None:
    rows = [
        {"text": "Interview.\nauthor: Jo Lark\nEnd.", "author": "Someone Else"},
        {"text": "x", "author": "Jo Lark"},
        {"text": "y", "author": "Someone\nauthor: Jo Lark"},
        {"text": "z", "author": "Jo\nLark"},
        {"text": "a", "of: or=by": "Jo Lark"},
    ]
    snapshot_create([write_jsonl(tmp_path / "t.jsonl", rows)], tmp_path / "s")
    snapshot = Snapshot.open(tmp_path / "s")
    index_build(snapshot, tmp_path / "i")
    queries = [Query("a", "key", "author=Jo Lark"), Query("b", "key", "of: or=by=Jo Lark")]
    matches = list(find_matches(snapshot, queries))
    assert {(m.query, m.example_id) for m in matches} == {("a", "e00000001"), ("a", "e00000003"), ("b", "e00000004")}
    assert set(find_matches(snapshot, queries, index=SnapshotIndex.open(tmp_path / "i", snapshot))) == set(matches)


def test_all_rows_of_a_demo_person_and_work_are_found_and_nobody_elses(tmp_path: Path) -> None:
    corpus = make_demo_corpus()
    rows = list(corpus.rows())
    info = snapshot_create([write_jsonl(tmp_path / "d.jsonl", rows)], tmp_path / "s")
    snapshot = Snapshot.open(tmp_path / "s", info.digest)
    person, work = corpus.people[3], corpus.works[1]
    queries = [Query("p", "name", person.name), Query("e", "identifier", person.email), Query("w", "exact", work.text)]
    places: dict[str, set[str]] = {"p": set(), "e": set(), "w": set()}
    for hit in find_matches(snapshot, queries):
        places[hit.query].add(hit.example_id)
    ids = {str(row["question"]): f"e{i:08d}" for i, row in enumerate(rows)}
    assert places["p"] == {ids[str(row["question"])] for row in person.rows}
    assert len(places["e"]) == 1
    assert places["e"] <= places["p"]
    assert places["w"] == {ids[str(row["question"])] for row in work.rows}


def test_changed_and_excerpted_passages_are_found_and_unrelated_ones_are_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    vocabulary = [f"w{i}" for i in range(3000)]
    passages = [list(rng.choice(vocabulary, 60)) for _ in range(60)]

    def changed(passage: list[str], share: float) -> str:
        return " ".join("other" if rng.random() < share else word for word in passage)

    planted = {
        "verbatim": [" ".join(p) for p in passages],
        "reformatted": ["  ".join(p).upper() + "!" for p in passages],
        "5 %": [changed(p, 0.05) for p in passages],
        "10 %": [changed(p, 0.10) for p in passages],
        "excerpt": [" ".join([*rng.choice(vocabulary, 40), *p[20:45], *rng.choice(vocabulary, 40)]) for p in passages],
    }
    noise = [" ".join(rng.choice(vocabulary, 80)) for _ in range(300)]
    texts = [t for group in planted.values() for t in group]
    snapshot = snapshot_of(tmp_path, texts + noise)
    queries = [Query(str(i), "exact", " ".join(p)) for i, p in enumerate(passages)]
    matches = {(int(m.query), int(m.example_id[1:])) for m in find_matches(snapshot, queries)}
    recall = {name: sum((i, g * 60 + i) in matches for i in range(60)) / 60 for g, name in enumerate(planted)}
    assert recall["verbatim"] == recall["reformatted"] == recall["excerpt"] == 1.0
    assert recall["5 %"] == 1.0
    assert recall["10 %"] >= 0.98
    assert all(place < len(texts) and place % 60 == query for query, place in matches)


@pytest.mark.parametrize(
    "query",
    [
        Query("q", "exact", "  ...  "),
        Query("q", "name", "E."),
        Query("q", "identifier", "two words"),
        Query("q", "concept", "x"),  # type: ignore[arg-type]  # that is the point
    ],
)
def test_a_query_without_anything_to_search_for_is_refused_before_the_pass(snapshot: Snapshot, query: Query) -> None:
    with pytest.raises(QueryError):
        find_matches(snapshot, [query])
