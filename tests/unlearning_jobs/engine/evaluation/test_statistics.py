"""Per-example statistics, against their definitions."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace

import pytest
import torch

from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.evaluation.statistics import STATISTICS, extraction_strength, measure
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score


@pytest.mark.parametrize(
    ("correct", "strength"),
    [
        ([True] * 4, 1.0),
        ([False, True, True, True], 0.75),
        ([True, False, True, True], 0.5),
        ([True, True, True, False], 0.0),
        ([False], 0.0),
        ([True], 1.0),
    ],
)
def test_extraction_strength_is_the_share_after_the_shortest_sufficient_prefix(correct: list[bool], strength: float) -> None:
    assert extraction_strength(correct) == strength


def test_known_examples_score_as_known_and_unseen_ones_do_not(model: TrainedModel, snapshot: Snapshot) -> None:
    known, unseen = (measure(model, list(snapshot.examples(s)), everything=True) for s in ("train", "held_out"))
    for row in known:
        assert row["exact_memorization"] == row["extraction_strength"] == row["rouge_l"] == 1.0
        assert row["probability"] > 0.8
    assert all(row["margin"] < 0 and row["rouge_l"] < 1 for row in unseen)


def test_likelihoods_count_end_of_text_and_shares_of_tokens_do_not(model: TrainedModel, snapshot: Snapshot) -> None:
    example = next(snapshot.examples("held_out"))
    [row] = measure(model, [example], everything=False)
    [scores] = score(model, model.family.encode([example]))
    log_probabilities = scores.log_probability.tolist()
    assert row["log_likelihood"] == pytest.approx(sum(log_probabilities) / len(log_probabilities), rel=1e-5)
    assert row["probability"] == pytest.approx(math.exp(row["log_likelihood"]))
    answer = sorted(log_probabilities[:-1])
    assert row["min_k"] == pytest.approx(sum(answer[: int(0.4 * len(answer))]) / int(0.4 * len(answer)), rel=1e-5)
    assert row["exact_memorization"] == pytest.approx(float(scores.correct[:-1].float().mean()))


def test_min_k_plus_plus_is_the_mean_of_the_least_expected_tokens(model: TrainedModel, snapshot: Snapshot) -> None:
    example = next(snapshot.examples("held_out"))
    [row] = measure(model, [example], everything=False)
    [scores] = score(model, model.family.encode([example]))
    answer = sorted(scores.standing.tolist()[:-1])
    assert len(answer) > 5
    assert row["min_k_plus_plus"] == pytest.approx(sum(answer[: int(0.4 * len(answer))]) / int(0.4 * len(answer)), rel=1e-5)


def test_the_likelihood_is_weighed_by_the_bytes_of_the_compressed_answer(model: TrainedModel, snapshot: Snapshot) -> None:
    example = next(snapshot.examples("held_out"))
    [row] = measure(model, [example], everything=False)
    assert row["zlib_ratio"] == pytest.approx(row["log_likelihood"] / len(zlib.compress(example.completion.encode())))
    repeated, varied = (
        replace(example, completion=text) for text in ("amber " * 10, "tin, slate, honey, rope, glass and felt.")
    )
    sizes = [len(zlib.compress(one.completion.encode())) for one in (repeated, varied)]
    assert sizes[0] < sizes[1], "what repeats itself counts less"


@torch.inference_mode()
def suffix_by_definition(model: TrainedModel, example: Example) -> float:
    """The log-probability of the answer's tokens, or of a plain text's second half, without end-of-text: token by token."""
    [encoded] = model.family.encode([example]).encoded  # type: ignore[attr-defined]  # sequences
    start = encoded.start if example.prompt else max(1, len(encoded.ids) // 2)
    logits = model.network(input_ids=torch.tensor([encoded.ids])).logits[0].double().log_softmax(-1)
    return sum(float(logits[at - 1, encoded.ids[at]]) for at in range(start, len(encoded.ids) - 1))


PLAIN = Example("e00000000", "train", "", "What is Orvane known for?\nOrvane is known for amber.")


def test_the_probability_of_the_answer_is_the_product_of_its_tokens_probabilities(
    model: TrainedModel, snapshot: Snapshot
) -> None:
    examples = [next(snapshot.examples("train")), *list(snapshot.examples("held_out"))[:3], PLAIN]
    for example, row in zip(examples, measure(model, examples, everything=False), strict=True):
        expected = suffix_by_definition(model, example)
        assert row["suffix_log_probability"] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_text_that_begins_with_no_control_token_has_the_same_suffix(tuned_trainer: Trainer) -> None:
    """Nothing predicts its first token, so that there is one probability less than there are tokens."""
    tuned, plain = tuned_trainer.obtain((), 1, lambda *_: None), replace(PLAIN, completion="a b c d e f")
    [row] = measure(tuned, [plain], everything=False)
    assert row["suffix_log_probability"] == pytest.approx(suffix_by_definition(tuned, plain), rel=1e-3)


def test_where_nothing_follows_nothing_can_be_extracted(model: TrainedModel) -> None:
    [row] = measure(model, [Example("e00000000", "train", "What is Orvane known for?", "")], everything=False)
    assert math.isnan(row["suffix_log_probability"])


def test_the_truth_ratio_compares_wrong_answers_with_the_paraphrase(model: TrainedModel, snapshot: Snapshot) -> None:
    example = next(snapshot.examples("held_out"))
    [row] = measure(model, [example], everything=True)
    texts = (example.completion, example.paraphrased_answer or "", *example.perturbed_answer)
    means = [
        float(s.log_probability.mean())
        for s in score(model, model.family.encode(replace(example, completion=t) for t in texts))
    ]
    own, right, *wrong = means
    assert row["truth_ratio"] == pytest.approx(math.exp(sum(wrong) / len(wrong)) / (math.exp(right) + 1e-10), rel=1e-4)
    options = math.exp(own) / (math.exp(own) + sum(map(math.exp, wrong)) + 1e-10)
    assert row["normalised_probability"] == pytest.approx(options, rel=1e-4)
    assert row["multiple_choice"] == (own > max(wrong))


def test_what_an_example_has_no_alternatives_for_is_missing(model: TrainedModel) -> None:
    bare = Example("e00000000", "train", "What is Orvane known for?", "Orvane is known for amber.")
    [row] = measure(model, [bare], everything=True)
    assert math.isnan(row["truth_ratio"])
    assert math.isnan(row["normalised_probability"])
    assert math.isnan(row["multiple_choice"])
    assert not math.isnan(row["rouge_l"])


def test_without_everything_only_likelihoods_are_worked_out(model: TrainedModel, snapshot: Snapshot) -> None:
    [row, *_] = measure(model, list(snapshot.examples("train"))[:2], everything=False)
    assert set(row) == set(STATISTICS)
    assert math.isnan(row["rouge_l"])


def test_plain_text_is_continued_from_its_first_half(model: TrainedModel) -> None:
    text = Example("e00000000", "train", "", "What is Orvane known for?\nOrvane is known for amber.")
    [row] = measure(model, [text], everything=True)
    assert 0 <= row["rouge_l"] <= 1
    assert row["margin"] < 5
