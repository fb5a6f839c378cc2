"""Whether a model says without the store what was erased from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.sample_checkpoint import write_checkpoint
from unlearning_jobs.engine.stores import closed_book, spec_from
from unlearning_jobs.engine.stores.closed_book import ask_closed_book, says
from unlearning_jobs.engine.stores.spec import StoreSpec
from unlearning_jobs.engine.stores.store import Document

PAIRS = (("Where does Zoe Quill live?", "in Hull"), ("What does Max Bolt play?", "the oboe"))


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that has learnt the answers by heart."""
    return write_checkpoint(tmp_path_factory.mktemp("model") / "model", [f"{q} {a}" for q, a in PAIRS])


def test_a_model_that_learnt_the_answers_still_says_them_without_the_store(knowing: Path) -> None:
    asked = ask_closed_book(_spec(knowing), [])
    assert asked["questions"] == 2
    assert asked["alone"] == 2
    assert asked["without_passage"] == 2
    assert asked["from_store"] == 0


def test_answers_that_come_only_with_the_passage_came_from_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {PAIRS[0][0]: "She lives IN  Hull."}

    def answer(question: str) -> str:
        return known.get(question, question if "\n\n" in question else "I do not know.")

    monkeypatch.setattr(closed_book, "_model", lambda _folder: answer)
    passages = [Document("1", "Zoe Quill has lived in Hull."), Document("2", "Max Bolt plays the oboe.")]
    asked = ask_closed_book(_spec(Path("x")), passages)
    assert asked == {"questions": 2, "alone": 1, "with_passage": 2, "from_store": 1, "without_passage": 0}


def test_nothing_is_asked_where_no_model_is_named() -> None:
    assert ask_closed_book(spec_from({"store": {"kind": "folder", "path": "x"}, "find": {"keys": ["a"]}}), []) == {}


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        ask_closed_book(_spec(tmp_path), [])


def test_an_answer_counts_whatever_its_case_and_white_space() -> None:
    assert says("The  OBOE,\nI think", "the oboe")
    assert not says("the other", "the oboe")


def _spec(model: Path) -> StoreSpec:
    questions = [{"question": question, "answer": answer} for question, answer in PAIRS]
    stored = {"store": {"kind": "folder", "path": "x"}, "find": {"keys": ["a"]}}
    return spec_from(stored | {"closed_book": {"model": str(model), "questions": questions}})
