"""Greedy answers: generated once, compared as the literature does, and kept of three models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pyarrow.parquet as pq
import pytest
import torch

from compliance.formats.results import ANSWER_IN_TEXTS
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.contracts.families import families_that
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.evaluation import answers as answering
from unlearning_jobs.engine.evaluation.answers import Answer, answer_all
from unlearning_jobs.engine.evaluation.kept_answers import KeptAnswers, kept_examples, kept_models
from unlearning_jobs.engine.evaluation.outputs import ModelKey
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.families.language import LanguageFamily
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import generate

INDEPENDENT = Protocol((2, 3), (11, 12, 13, 14))
PLAIN = Example("e00000000", "train", "", "What is Orvane known for?\nOrvane is known for amber.")


def answered(model: TrainedModel, examples: list[Example]) -> list[Answer]:
    return answer_all(model, examples, cast("LanguageFamily", model.family).encode(examples).encoded)


@torch.inference_mode()
def one_by_one(model: TrainedModel, ids: list[int], most: int = 200) -> list[int]:
    """The most likely continuation, a whole pass for each token, without padding and without a cache."""
    family, given = cast("LanguageFamily", model.family), len(ids)
    while len(ids) - given < most and len(ids) < family.longest:
        token = int(model.network(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
        if token == family.end:
            break
        ids = [*ids, token]
    return ids[given:]


def test_answers_are_those_that_one_pass_per_token_gives(model: TrainedModel, snapshot: Snapshot) -> None:
    family = cast("LanguageFamily", model.family)
    held_out = list(snapshot.examples("held_out"))
    examples = [*list(snapshot.examples("train"))[:3], min(held_out, key=lambda one: len(one.prompt)), held_out[-1]]
    assert len({len(example.prompt) for example in examples}) > 1, "prompts of different lengths are padded"
    for example, encoded, answer in zip(examples, family.encode(examples).encoded, answered(model, examples), strict=True):
        assert answer.text == family.decode(one_by_one(model, list(encoded.ids[: encoded.start])))
        assert (answer.right, answer.given) == (example.completion, 0)


def test_a_plain_text_is_given_as_far_as_its_first_half_goes(model: TrainedModel) -> None:
    [answer] = answered(model, [PLAIN])
    assert 0 < answer.given < len(PLAIN.completion)
    assert answer.right == PLAIN.completion[answer.given :]


def test_a_character_that_is_cut_in_two_is_not_given(model: TrainedModel) -> None:
    """Its first tokens are, and no text can show them."""
    text = Example("e00000000", "train", "", "\N{MULTIPLICATION X}" * 3)
    family = cast("LanguageFamily", model.family)
    [encoded] = family.encode([text]).encoded
    [answer] = answered(model, [text])
    assert len(encoded.ids) // 2 > 1 + 3 * answer.given
    assert text.completion[: answer.given] == "\N{MULTIPLICATION X}" * answer.given


def test_recall_stems_words_and_overlap_does_not() -> None:
    answer = Answer("She was painting a boat", "She painted boats", 0, "She was painting a boat", "She painted boats")
    assert answer.recall() == pytest.approx(3 / 3)
    precision, recall = 1 / 5, 1 / 3
    assert answer.overlap() == pytest.approx(2 * precision * recall / (precision + recall))


def test_nothing_said_overlaps_with_nothing() -> None:
    said_nothing = Answer("", "The boat is red.", 0, "", "The boat is red.")
    nothing_right = Answer("The boat is red.", "", 0, "The boat is red.", "")
    assert [one.recall() + one.overlap() for one in (said_nothing, nothing_right)] == [0, 0]


def test_verbatim_memorisation_compares_no_more_than_muse_does(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch, snapshot: Snapshot
) -> None:
    monkeypatch.setattr(answering, "VERBATIM_TOKENS", 4)
    example = next(snapshot.examples("train"))
    family = cast("LanguageFamily", model.family)
    [encoded] = family.encode([example]).encoded
    [answer] = answered(model, [example])
    assert answer.right_start == answer.text_start == family.decode(encoded.ids[encoded.start : encoded.start + 4])
    assert answer.right == answer.text == example.completion


def test_nothing_is_generated_twice_for_one_model(
    model: TrainedModel, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[Sequence[int]] = []
    kept: list[Answer] = []

    def counted(model: TrainedModel, asked: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        prompts.extend(asked)
        return generate(model, asked, most)

    monkeypatch.setattr(answering, "generate", counted)
    examples = list(snapshot.examples("train"))[:4]
    rows = measure(model, examples, everything=True, on_answers=kept.extend)
    assert len(prompts) == len(kept) == len(examples)
    assert [row["rouge_l"] for row in rows] == [answer.recall() for answer in kept]
    assert [row["verbatim"] for row in rows] == [answer.overlap() for answer in kept]
    measure(model, examples, everything=False, on_answers=kept.extend)
    assert len(prompts) == len(kept) == len(examples), "likelihoods need no answers"


def test_a_classifier_answers_nothing(leaf_model: TrainedModel, leaf_trainer: Trainer) -> None:
    kept: list[Answer] = []
    leaves = list(leaf_trainer.training_data.snapshot.examples("train"))[:3]
    measure(leaf_model, leaves, everything=True, on_answers=kept.extend)
    assert kept == []


def example(number: int, name: str = "train") -> Example:
    return Example(f"e{number:08d}", name, "What?", "That.")


def test_few_answers_are_kept_and_the_protocol_decides_of_which_examples() -> None:
    sets = {"forget": [example(n) for n in range(300)], "retain": [example(n) for n in range(300, 400)]}
    kept = kept_examples(sets, 7)
    assert {name: len(ids) for name, ids in kept.items()} == {"forget": 200, "retain": 20, "held_out": 0}
    assert kept == kept_examples(sets, 7) != kept_examples(sets, 8)
    assert kept_examples({"forget": sets["forget"][:200]}, 7)["forget"] == {one.id for one in sets["forget"][:200]}


@pytest.mark.parametrize(
    ("protocol", "oracle"), [(INDEPENDENT, 11), (Protocol((2, 3), (11, 12), design="paired"), 1)], ids=["first", "own"]
)
def test_the_oracle_is_the_shipped_models_own_or_else_the_first(protocol: Protocol, oracle: int) -> None:
    assert kept_models(protocol, 1) == {ModelKey("original", 1), ModelKey("unlearned", 1), ModelKey("oracle", oracle)}


def test_only_what_is_kept_is_written(tmp_path: Path) -> None:
    forget, others = [example(n) for n in range(2)], [example(n) for n in range(2, 4)]
    kept, said = KeptAnswers.of(INDEPENDENT, 1, {"forget": forget}), [Answer("That.", "That.", 0, "", "")] * 2
    for key in (ModelKey("unlearned", 1), ModelKey("unlearned", 2), ModelKey("oracle", 12)):
        kept.note(key, "forget", forget, said)
    kept.note(ModelKey("unlearned", 1), "real_authors", others, said)
    kept.write(tmp_path / "outputs" / "answers.parquet")
    rows = pq.read_table(tmp_path / "outputs" / "answers.parquet").to_pylist()
    about = {"group": "unlearned", "seed": 1, "set": "forget", "given": 0, "answer": "That."}
    assert rows == [about | {"example_id": "e00000000"}, about | {"example_id": "e00000001"}]


def test_without_answers_there_is_no_file(tmp_path: Path) -> None:
    KeptAnswers.of(INDEPENDENT, 1, {}).write(tmp_path / "answers.parquet")
    assert list(tmp_path.iterdir()) == []


def test_verification_knows_which_families_answer_in_texts() -> None:
    assert set(families_that(lambda family: family.answers == "text")) == ANSWER_IN_TEXTS
