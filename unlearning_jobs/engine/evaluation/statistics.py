"""Per-example statistics of one model: the rows of `outputs/examples.parquet`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final, cast

from rouge_score.rouge_scorer import RougeScorer

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import CausalLmFamily
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import Scores, generate, score

MIN_K_SHARE = 0.4
GENERATED_TOKENS = 200
"""OpenUnlearning's limit for TOFU."""
SMALL: Final = 1e-10

LIKELIHOODS: Final = ("margin", "log_likelihood", "probability", "exact_memorization", "extraction_strength", "min_k")
GENERATED: Final = ("rouge_l",)
COMPARED: Final = ("truth_ratio", "normalised_probability")
CLASSIFIED: Final = ("accuracy",)
STATISTICS: Final = (*LIKELIHOODS, *GENERATED, *COMPARED, *CLASSIFIED)

Row = Mapping[str, float]


def measure(model: TrainedModel, examples: Sequence[Example], *, everything: bool) -> list[Row]:
    """The statistics of every example, in order. NaN where one does not exist.

    With `everything`, greedy answers and wrong alternatives too, which take most of the time; else likelihoods alone.
    """
    data = model.family.encode(examples)
    scores = score(model, data)
    missing = dict.fromkeys(STATISTICS, math.nan)
    if model.family.description.answers == "class":
        return [missing | _classified(s) for s in scores]
    rows = [missing | _likelihoods(s) for s in scores]
    if not everything:
        return [*rows]
    family = cast("CausalLmFamily", model.family)
    recalls = _rouge_recalls(model, family, examples)
    compared = _truth_ratios(model, family, examples, [row["log_likelihood"] for row in rows])
    return [row | {"rouge_l": r, **c} for row, r, c in zip(rows, recalls, compared, strict=True)]


def _classified(scores: Scores) -> dict[str, float]:
    log_likelihood = float(scores.log_probability)
    return {
        "margin": float(scores.margin),
        "log_likelihood": log_likelihood,
        "probability": math.exp(log_likelihood),
        "accuracy": float(scores.correct),
    }


def _likelihoods(scores: Scores) -> dict[str, float]:
    """As in OpenUnlearning: end-of-text counts for the likelihood of the answer, and for nothing else."""
    answer = slice(0, max(1, len(scores.correct) - 1))
    log_likelihood = float(scores.log_probability.mean())
    correct = scores.correct[answer].tolist()
    lowest = sorted(scores.log_probability[answer].tolist())[: max(1, int(MIN_K_SHARE * len(correct)))]
    return {
        "margin": float(scores.margin[answer].mean()),
        "log_likelihood": log_likelihood,
        "probability": math.exp(log_likelihood),
        "exact_memorization": sum(correct) / len(correct),
        "extraction_strength": extraction_strength(correct),
        "min_k": sum(lowest) / len(lowest),
    }


def extraction_strength(correct: Sequence[bool]) -> float:
    """1 - k / n, k the length of the shortest prefix after which every one of the n tokens is ranked first.

    0 when the last token is not: OpenUnlearning's loop ends one early and gives 1 / n there.
    """
    suffix = 0
    for right in reversed(correct):
        if not right:
            break
        suffix += 1
    return suffix / len(correct)


def _rouge_recalls(model: TrainedModel, family: CausalLmFamily, examples: Sequence[Example]) -> list[float]:
    """ROUGE-L recall of greedy answers. Plain text has no prompt: it is continued from its first half of tokens."""
    encoded = family.encode(examples).encoded
    starts = [e.start if x.prompt else max(1, len(e.ids) // 2) for e, x in zip(encoded, examples, strict=True)]
    tokens = generate(model, [e.ids[:s] for e, s in zip(encoded, starts, strict=True)], GENERATED_TOKENS)
    targets = [
        x.completion if x.prompt else family.tokenizer.decode(list(e.ids[s:-1]))
        for e, x, s in zip(encoded, examples, starts, strict=True)
    ]
    scorer = _rouge_scorer()
    predictions = family.tokenizer.decode_batch(tokens)
    return [
        float(scorer.score(target, answer)["rougeL"].recall) for target, answer in zip(targets, predictions, strict=True)
    ]


@cache
def _rouge_scorer() -> RougeScorer:
    return RougeScorer(["rougeL"], use_stemmer=True)


def _truth_ratios(
    model: TrainedModel, family: CausalLmFamily, examples: Sequence[Example], own: Sequence[float]
) -> list[dict[str, float]]:
    """Truth ratio R = p(wrong) / p(right) and probability among the options, for examples with wrong alternatives.

    p(wrong) is the geometric mean over the alternatives, each normalised by length; right is the paraphrase, or the answer
    where there is none.
    """
    asked, texts = [], []
    for i, example in enumerate(examples):
        if example.perturbed_answer:
            for text in (example.paraphrased_answer or example.completion, *example.perturbed_answer):
                asked.append(i)
                texts.append(replace(example, completion=text))
    found: dict[int, list[float]] = {}
    for i, scores in zip(asked, score(model, family.encode(texts)), strict=True):
        found.setdefault(i, []).append(float(scores.log_probability.mean()))
    return [_truth_ratio(found.get(i), own[i]) for i in range(len(examples))]


def _truth_ratio(log_likelihoods: list[float] | None, own: float) -> dict[str, float]:
    if log_likelihoods is None:
        return dict.fromkeys(COMPARED, math.nan)
    right, wrong = log_likelihoods[0], log_likelihoods[1:]
    ratio = math.exp(sum(wrong) / len(wrong)) / (math.exp(right) + SMALL)
    options = math.exp(own) / (math.exp(own) + sum(map(math.exp, wrong)) + SMALL)
    return {"truth_ratio": ratio, "normalised_probability": options}
