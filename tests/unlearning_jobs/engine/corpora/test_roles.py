"""Which column is read as what: a table of known shapes, and flags that overrule it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.corpora.made import lines, read, report, texts
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError

SAID = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Nobody."}]
LONG = [
    {"role": "system", "content": "Be kind."},
    *SAID,
    {"role": "user", "content": "And?"},
    {"role": "assistant", "content": "You."},
]


@pytest.mark.parametrize(
    ("row", "shape", "expected"),
    [
        ({"messages": SAID}, "conversations (chat)", ("Who?", "Nobody.")),
        (
            {"messages": LONG},
            "conversations (chat)",
            ("system: Be kind.\nuser: Who?\nassistant: Nobody.\nuser: And?", "You."),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Who?"}]}, SAID[1]]},
            "conversations (chat)",
            ("Who?", "Nobody."),
        ),
        (
            {"conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Nobody."}]},
            "conversations (ShareGPT)",
            ("Who?", "Nobody."),
        ),
        (
            {"conversations": {"from": ["human", "gpt"], "value": ["Who?", "Nobody."]}},
            "conversations (ShareGPT)",
            ("Who?", "Nobody."),
        ),
        ({"instruction": "Say.", "input": "", "output": "Ada."}, "instructions (Alpaca)", ("Say.", "Ada.")),
        ({"instruction": "Say.", "input": "Who?", "output": "Ada."}, "instructions (Alpaca)", ("Say.\nWho?", "Ada.")),
        ({"instruction": "Say.", "context": "C.", "response": "Ada."}, "instructions (Dolly)", ("Say.\nC.", "Ada.")),
        ({"prompt": "Who?", "chosen": "Ada.", "rejected": "Bo."}, "preference pairs", ("Who?", "Ada.")),
        ({"chosen": SAID, "rejected": SAID}, "preference pairs", ("Who?", "Nobody.")),
        (
            {"chosen": "Human: Who? Assistant: Ada.", "rejected": "-"},
            "preference pairs",
            ("", "Human: Who? Assistant: Ada."),
        ),
        ({"prompt": SAID[:1], "completion": SAID[1:]}, "prompts and completions", ("Who?", "Nobody.")),
        (
            {"context": "C.", "question": "Who?", "answers": {"text": ["Ada.", "Ada L."], "answer_start": [0, 0]}},
            "questions about a context (SQuAD)",
            ("C.\nWho?", "Ada."),
        ),
        ({"content": "Code.", "path": "a.py"}, "texts", ("", "Code.")),
        ({"text": "T.", "question": "Who?", "answer": "Ada."}, "questions and answers", ("Who?", "Ada.")),
        ({"Text": "T.", "Label": 1}, "labelled texts", ("T.", "1")),
        ({" text": "T.", "label ": True}, "labelled texts", ("T.", "true")),
        ({"text": "T.", "label": 1.0}, "labelled texts", ("T.", "1")),
    ],
)
def test_a_known_shape_is_read(tmp_path: Path, row: dict[str, Any], shape: str, expected: tuple[str, str]) -> None:
    path = lines(tmp_path / "a.jsonl", [row])
    assert texts(path) == [expected]
    assert report_without_check(path).shape == shape


def report_without_check(path: Path) -> Any:
    """What is said before anything is written: one row alone would be refused as one class."""
    said: list[Any] = []
    with suppress(CorpusError):
        snapshot_create([path], path.with_suffix(".out"), on_plan=said.extend)
    return said[0]


def test_what_a_shape_does_not_use_is_metadata(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"messages": [{**turn, "name": "Zoé"} for turn in SAID] + [{"role": "user", "content": "Bye."}]},
        {"messages": SAID, "source": "forum"},
    ]
    first, second = (found.row.metadata for found in read(lines(tmp_path / "a.jsonl", rows)))
    assert "Zoé" in first["messages"]
    assert "Bye." in first["messages"]
    assert second == {"source": "forum"}


def test_every_answer_and_the_rejected_one_are_kept(tmp_path: Path) -> None:
    [squad] = read(lines(tmp_path / "a.jsonl", [{"context": "C.", "question": "Q?", "answers": {"text": ["A", "B"]}}]))
    [pair] = read(lines(tmp_path / "b.jsonl", [{"prompt": "Q?", "chosen": "A", "rejected": "B"}]))
    assert squad.row.metadata == {"answers": '{"text": ["A", "B"]}'}
    assert pair.row.metadata == {"rejected": "B"}


def test_shapes_that_were_always_read_come_first(tmp_path: Path) -> None:
    row: dict[str, Any] = {"instruction": "I", "input": "J", "output": "K", "messages": SAID, "text": "All of it."}
    assert texts(lines(tmp_path / "a.jsonl", [row])) == [("", "All of it.")]
    row = {"question": "Q", "answer": "A", "context": "C"}
    assert texts(lines(tmp_path / "b.jsonl", [row])) == [("Q", "A")]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"text": None}], "empty"),
        ([{"text": " "}], "empty"),
        ([{"text": "", "author": "Zoé"}], "elsewhere"),
        ([{"txt": "x"}], "elsewhere"),
        ([{"question": "q", "answer": None}], "incomplete"),
        ([{"question": "q", "answer": " \u200b\ufeff "}], "incomplete"),
        ([{"text": "a", "label": None}], "unlabelled"),
        ([{"messages": SAID[:1]}], "unanswered"),
    ],
)
def test_a_row_with_nothing_to_learn_is_skipped_and_named(tmp_path: Path, rows: list[dict[str, Any]], reason: str) -> None:
    whole: dict[str, list[dict[str, Any]]] = {
        "incomplete": [{"question": "q", "answer": "a"}, {"question": "r", "answer": "b"}],
        "unlabelled": [{"text": "b", "label": "x"}, {"text": "c", "label": "y"}],
        "unanswered": [{"messages": SAID}, {"messages": LONG}],
    }
    about = report(lines(tmp_path / "a.jsonl", [*rows, *whole.get(reason, [{"text": "a"}, {"text": "b"}])]))
    assert [(skipped.reason, skipped.places) for skipped in about.skipped] == [(reason, ("a.jsonl, line 1",))]
    assert (about.rows, about.examples) == (3, 2)


# -- flags


def test_flags_say_what_a_column_is(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"frage": "Wer?", "antwort": "Ada.", "text": "T."}])
    given = {"prompt": ("frage",), "completion": ("antwort",)}
    assert texts(path) == [("", "T.")]
    assert texts(path, roles=given) == [("Wer?", "Ada.")]
    assert read(path, roles=given)[0].row.metadata == {"text": "T."}


def test_several_columns_may_have_one_role(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"title": "One", "abstract": "Two."}])
    assert texts(path, roles={"text": ("title", "abstract")}) == [("", "One\nTwo.")]


def test_a_flag_completes_what_the_table_found(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "a", "mood": "good"}, {"text": "b", "mood": "bad"}])
    assert texts(path, roles={"label": ("mood",)}) == [("a", "good"), ("b", "bad")]


def test_a_flag_alone_makes_texts_of_labelled_texts(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "a", "label": "good"}])
    assert texts(path, roles={"text": ("text",)}) == [("", "a")]
    assert read(path, roles={"text": ("text",)})[0].row.metadata == {"label": "good"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"roles": {"text": ("body",)}}, "has no column 'body'. Columns seen: words, who"),
        ({"roles": {"theme": ("who",)}}, "no role 'theme'; .*text, prompt, completion"),
        ({"roles": {"prompt": ("who",)}}, "Columns seen: words, who.*--role prompt=COLUMN --role completion=COLUMN"),
        ({"split_column": "part"}, "has no column 'part'"),
        ({}, "Columns seen: words, who. Say which column is what"),
        ({"row_bytes": 0}, "--row-bytes"),
        ({"encoding": "klingon"}, "no encoding 'klingon'"),
        ({"delimiter": "::"}, "one character"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_columns_and_the_flag(
    tmp_path: Path, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(CorpusError, match=complaint):
        read(lines(tmp_path / "a.jsonl", [{"words": "a", "who": "b"}]), **options)


def test_an_ignored_column_is_nowhere(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "a", "note": "b"}, {"text": "c"}])
    assert [found.row.metadata for found in read(path, ignored=frozenset({"note"}))] == [{}, {}]
    assert report(path, ignored=frozenset({"note"})).ignored == ("note",)


# -- sets


@pytest.mark.parametrize(
    ("found", "name"),
    [("train", "train"), ("test", "held_out"), ("Validation", "held_out"), ("dev", "held_out"), ("held_out", "held_out")],
)
def test_what_people_call_their_sets_is_understood_and_said(tmp_path: Path, found: str, name: str) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "a", "split": found}, {"text": "b"}, {"text": "c"}])
    assert read(path)[0].set == name
    assert report(path).sets[found] == {name: 1}


def test_another_column_and_other_words_for_sets_are_given_by_flags(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "a", "fold": "gold"}, {"text": "b", "fold": "x"}])
    found = read(path, split_column="fold", splits={"gold": "held_out", "x": "train"})
    assert [(row.set, row.row.metadata) for row in found] == [("held_out", {"fold": "gold"}), ("train", {"fold": "x"})]


def test_a_corpus_without_training_examples_names_the_sets_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"sets found: held_out.*--split NAME=train"):
        report(lines(tmp_path / "a.jsonl", [{"text": "a", "split": "test"}]))


def test_no_more_columns_than_have_a_role_are_read_from_the_sample_alone(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"{number}"} for number in range(300)]
    rows.append({"text": "late", "split": "test", "author": "Zoé"})
    info = snapshot_create([lines(tmp_path / "a.jsonl", rows)], tmp_path / "s")
    [last] = Snapshot.open(info.path, info.digest).get(["e00000300"])
    assert (last.set, last.metadata) == ("held_out", {"split": "test", "author": "Zoé"})
    assert info.sources[0].metadata == ("author",)
