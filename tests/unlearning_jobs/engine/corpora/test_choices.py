"""Multiple choice: which option is right, and what of it a model is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.corpora.made import lines, texts
from tests.unlearning_jobs.engine.corpora.test_roles import report_without_check
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.corpora.options import ReadOptions
from unlearning_jobs.engine.errors import CorpusError

COLOURS = ["red", "blue", "green", "grey"]
ASKED = "Which is the sky?\nA. red\nB. blue\nC. green\nD. grey"
AS_IT_IS = ReadOptions()
BY_FLAG = ReadOptions(roles={"choices": ("choices",)})


def row(**changed: Any) -> dict[str, Any]:
    return {"question": "Which is the sky?", "choices": COLOURS, "answer": 1} | changed


def read_one(tmp_path: Path, found: dict[str, Any], options: ReadOptions = AS_IT_IS) -> Any:
    snapshot_create([lines(tmp_path / "a.jsonl", [found])], tmp_path / "snapshot", options=options)
    [example] = Snapshot.open(tmp_path / "snapshot").examples("train")
    return example


def test_the_layout_of_wmdp_is_read_as_a_question_with_letters(tmp_path: Path) -> None:
    example = read_one(tmp_path, row(subject="optics"))
    assert (example.prompt, example.completion) == (ASKED, "B")
    assert example.perturbed_answer == ("A", "C", "D")
    assert example.metadata == {"subject": "optics"}
    assert report_without_check(tmp_path / "a.jsonl").shape == "multiple choice"


def test_wrong_answers_of_the_row_stay_beside_the_other_letters(tmp_path: Path) -> None:
    assert read_one(tmp_path, row(perturbed_answer=["pink"])).perturbed_answer == ("A", "C", "D", "pink")


def test_an_answer_in_words_or_letters_stays_what_it_always_was(tmp_path: Path) -> None:
    # The erasure ledger knows what was read before: the same file must stay the same content.
    path = lines(tmp_path / "a.jsonl", [row(answer="B"), row(answer="blue")])
    assert texts(path) == [("Which is the sky?", "B"), ("Which is the sky?", "blue")]


@pytest.mark.parametrize("answer", ["B", " B ", "blue", "1", 1.0])
def test_with_a_flag_letters_texts_and_numbers_name_the_right_option(tmp_path: Path, answer: object) -> None:
    assert read_one(tmp_path, row(answer=answer), BY_FLAG).completion == "B"


def test_a_column_for_each_option_is_read_in_the_order_of_the_flags(tmp_path: Path) -> None:
    path = tmp_path / "mmlu.csv"
    path.write_text("ask,A,B,C,D,right\nWhich is the sky?,red,blue,green,grey,B\n", encoding="utf-8")
    roles = {"prompt": ("ask",), "choices": ("A", "B", "C", "D"), "completion": ("right",)}
    snapshot_create([path], tmp_path / "snapshot", options=ReadOptions(roles=roles))
    [example] = Snapshot.open(tmp_path / "snapshot").examples("train")
    assert (example.prompt, example.completion, example.perturbed_answer) == (ASKED, "B", ("A", "C", "D"))


def test_in_a_table_the_options_are_a_list_as_json(tmp_path: Path) -> None:
    assert read_one(tmp_path, row(choices=json.dumps(COLOURS))).prompt == ASKED


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"answer": 4}, "answer names none of the options"),
        ({"answer": -1}, "answer names none of the options"),
        ({"answer": True}, "answer names none of the options"),
        ({"answer": "1", "choices": ["1", "2", "3", "4"]}, "answer names two of the options"),
        ({"answer": 0, "choices": ["red"]}, "a multiple choice has 2 to 26 options, and this has 1"),
        ({"answer": 0, "choices": ["red", ""]}, "choices must be a list of strings"),
        ({"answer": 0, "choices": {"text": COLOURS}}, "choices must be a list of strings"),
    ],
)
def test_what_names_no_option_is_refused_without_quoting_it(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(CorpusError, match=said) as refused:
        read_one(tmp_path, row(**changed), BY_FLAG)
    assert "sky" not in str(refused.value)


def test_a_set_of_multiple_choice_stands_beside_a_corpus_of_texts(tmp_path: Path) -> None:
    corpus = lines(tmp_path / "a.jsonl", [{"text": "The sea is blue."}])
    questions = lines(tmp_path / "wmdp.jsonl", [row()])
    snapshot_create([corpus], tmp_path / "snapshot", sets={"wmdp": questions})
    snapshot = Snapshot.open(tmp_path / "snapshot")
    assert [example.completion for example in snapshot.examples("wmdp")] == ["B"]
    assert [example.text for example in snapshot.examples("train")] == ["The sea is blue."]
