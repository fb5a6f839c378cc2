"""Per-example statistics of one model: the rows of `outputs/examples.parquet`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import Scores, generate, score

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

    from unlearning_jobs.engine.families.language import LanguageFamily

MIN_K_SHARE = 0.4
GENERATED_TOKENS = 200
"""OpenUnlearning's limit for TOFU."""
SMALL: Final = 1e-10
"""Keeps denominators above zero."""

LIKELIHOODS: Final = ("margin", "log_likelihood", "probability", "exact_memorization", "extraction_strength", "min_k")
GENERATED: Final = ("rouge_l",)
COMPARED: Final = ("truth_ratio", "normalised_probability")
ACCURACY: Final = ("accuracy",)
"""Whether a classifier ranks the right class first; of a text, the share of tokens for which the model does."""
STATISTICS: Final = (*LIKELIHOODS, *GENERATED, *COMPARED, *ACCURACY)

Row = Mapping[str, float]


def measure(model: TrainedModel, examples: Sequence[Example], *, everything: bool) -> list[Row]:
    """Compute the statistics of every example, in order; NaN if one does not exist.

    With `everything`, this includes greedy answers and wrong alternatives, which take most of the time. Otherwise it is
    the likelihoods only.
    """
    data = model.family.encode(examples)
    scores = score(model, data)
    missing = dict.fromkeys(STATISTICS, math.nan)
    if model.family.description.answers == "class":
        return [missing | _classified(s) for s in scores]
    rows = [missing | _likelihoods(s) for s in scores]
    if not everything:
        return [*rows]
    family = cast("LanguageFamily", model.family)
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
    """Follow OpenUnlearning: the end-of-text token counts towards the likelihood of the answer, and nothing else."""
    answer = slice(0, max(1, len(scores.correct) - 1))  # without end-of-text
    log_likelihood = float(scores.log_probability.mean())
    correct = scores.correct[answer].tolist()
    # Min-K: the mean of the least likely tokens.
    lowest = sorted(scores.log_probability[answer].tolist())[: max(1, int(MIN_K_SHARE * len(correct)))]
    return {
        "margin": float(scores.margin[answer].mean()),
        "log_likelihood": log_likelihood,
        "probability": math.exp(log_likelihood),
        "accuracy": sum(correct) / len(correct),
        "exact_memorization": sum(correct) / len(correct),
        "extraction_strength": extraction_strength(correct),
        "min_k": sum(lowest) / len(lowest),
    }


def extraction_strength(correct: Sequence[bool]) -> float:
    """Return 1 - k / n, where k is the length of the shortest prefix after which all of the n tokens are ranked first.

    It is 0 if the last token is not. OpenUnlearning's loop ends one step early and gives 1 / n there.
    """
    suffix = 0
    for right in reversed(correct):
        if not right:
            break
        suffix += 1
    return suffix / len(correct)


def _rouge_recalls(model: TrainedModel, family: LanguageFamily, examples: Sequence[Example]) -> list[float]:
    """Return the ROUGE-L recall of greedy answers. Plain text has no prompt, so its first half serves as one."""
    encoded = family.encode(examples).encoded
    # 1. Continue each prompt, or the first half of a plain text.
    starts = [e.start if x.prompt else max(1, len(e.ids) // 2) for e, x in zip(encoded, examples, strict=True)]
    tokens = generate(model, [e.ids[:s] for e, s in zip(encoded, starts, strict=True)], GENERATED_TOKENS)
    # 2. Compare with what really follows, without end-of-text.
    targets = [
        x.completion if x.prompt else family.decode(e.ids[s:-1]) for e, x, s in zip(encoded, examples, starts, strict=True)
    ]
    scorer = _rouge_scorer()
    predictions = map(family.decode, tokens)
    return [
        float(scorer.score(target, answer)["rougeL"].recall) for target, answer in zip(targets, predictions, strict=True)
    ]


@cache
def _rouge_scorer() -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer  # loads all of nltk, and only answers of language models need it

    return RougeScorer(["rougeL"], use_stemmer=True)


def _truth_ratios(
    model: TrainedModel, family: LanguageFamily, examples: Sequence[Example], answers: Sequence[float]
) -> list[dict[str, float]]:
    """Return truth ratio R = p(wrong) / p(right) and probability among the options, for examples with wrong alternatives.

    p(wrong) is the geometric mean over the alternatives, each normalised by length. The right answer is the paraphrase, or
    the example's own answer if it has no paraphrase. `answers` are the log-likelihoods of the examples' own answers.
    """
    # 1. All options of all examples in one list, so that they are scored in full batches.
    indices, texts = [], []  # which example an option belongs to, and the example with that option as its answer
    for i, example in enumerate(examples):
        if example.perturbed_answer:
            for text in (example.paraphrased_answer or example.completion, *example.perturbed_answer):
                indices.append(i)
                texts.append(replace(example, completion=text))
    # 2. Their log-likelihoods by example; the right answer comes first.
    options: dict[int, list[float]] = {}
    for i, scores in zip(indices, score(model, family.encode(texts)), strict=True):
        options.setdefault(i, []).append(float(scores.log_probability.mean()))
    return [_truth_ratio(options.get(i), answers[i]) for i in range(len(examples))]


def _truth_ratio(log_likelihoods: list[float] | None, answer: float) -> dict[str, float]:
    if log_likelihoods is None:
        return dict.fromkeys(COMPARED, math.nan)
    right, wrong = log_likelihoods[0], log_likelihoods[1:]
    ratio = math.exp(sum(wrong) / len(wrong)) / (math.exp(right) + SMALL)
    share = math.exp(answer) / (math.exp(answer) + sum(map(math.exp, wrong)) + SMALL)
    return {"truth_ratio": ratio, "normalised_probability": share}
