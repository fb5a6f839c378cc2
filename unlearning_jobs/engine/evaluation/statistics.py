"""Per-example statistics of one model: the rows of `outputs/examples.parquet`."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import Scores, score

from .answers import Answer, answer_all, tokens_given
from .passages import BEST, LIKELY, passages_of

if TYPE_CHECKING:
    from unlearning_jobs.engine.families import Dataset
    from unlearning_jobs.engine.families.language import LanguageFamily, Sequences
    from unlearning_jobs.engine.families.tokens import Encoded

MIN_K_SHARE = 0.4
SMALL: Final = 1e-10
"""Keeps denominators above zero."""

LIKELIHOODS: Final = (
    *("margin", "log_likelihood", "probability", "exact_memorization", "extraction_strength", "min_k"),
    *("min_k_plus_plus", "zlib_ratio", "suffix_log_probability", BEST, *LIKELY),
)
GENERATED: Final = ("rouge_l", "verbatim", "longest_block")
COMPARED: Final = ("truth_ratio", "normalised_probability", "multiple_choice")
ACCURACY: Final = ("accuracy",)
"""Whether a classifier ranks the right class first; of a text, the share of tokens for which the model does."""
ATTACKED: Final = (
    *("relearned", "quantized_8", "quantized_4", "hinted", "hints", "prefix", "prefix_log_probability"),
    *("conversation", "paraphrased", "lens", "lens_layer", "probe"),
)
"""What attacks bring out, if the protocol asks for them (`evaluation.attacks`): log-likelihoods, but for the number of
hints, the layer that was read, and the score of a probe."""
MEMBERSHIP: Final = ("gradient_norm", "reference_log_likelihood")
"""Of the forget set and the held-out examples, if a metric asks for it (`evaluation.membership`)."""
STATISTICS: Final = (*LIKELIHOODS, *GENERATED, *COMPARED, *ACCURACY, *ATTACKED, *MEMBERSHIP)

Row = Mapping[str, float]


def measure(
    model: TrainedModel,
    examples: Sequence[Example],
    *,
    everything: bool,
    on_answers: Callable[[Sequence[Answer]], None] | None = None,
    scored: tuple[Dataset, Sequence[Scores]] | None = None,
) -> list[Row]:
    """Compute the statistics of every example, in order; NaN if one does not exist.

    With `everything`, this includes greedy answers and wrong alternatives, which take most of the time. Otherwise it is
    the likelihoods only. `on_answers` gets the greedy answers, in order, if there are any. `scored` are the encoded examples
    and the model's scores of them, where those are known already.
    """
    if scored is None:
        data = model.family.encode(examples)
        scored = data, score(model, data)
    data, scores = scored
    missing = dict.fromkeys(STATISTICS, math.nan)
    if model.family.description.answers == "class":
        return [missing | _classified(s) for s in scores]
    family, encoded = cast("LanguageFamily", model.family), cast("Sequences", data).encoded
    rows = [missing | _likelihoods(*one) for one in zip(scores, encoded, examples, strict=True)]
    if not everything:
        return [*rows]
    answers = answer_all(model, examples, encoded)
    if on_answers:
        on_answers(answers)
    compared = _truth_ratios(model, family, examples, [row["log_likelihood"] for row in rows])
    return [
        row | {"rouge_l": answer.recall(), "verbatim": answer.overlap(), "longest_block": answer.block(), **c}
        for row, answer, c in zip(rows, answers, compared, strict=True)
    ]


def _classified(scores: Scores) -> dict[str, float]:
    log_likelihood = float(scores.log_probability)
    return {
        "margin": float(scores.margin),
        "log_likelihood": log_likelihood,
        "probability": math.exp(log_likelihood),
        "accuracy": float(scores.correct),
    }


def _likelihoods(scores: Scores, encoded: Encoded, example: Example) -> dict[str, float]:
    """Follow OpenUnlearning: the end-of-text token counts towards the likelihood of the answer, and nothing else."""
    answer = slice(0, max(1, len(scores.correct) - 1))  # without end-of-text
    log_likelihood = float(scores.log_probability.mean())
    correct = scores.correct[answer].tolist()
    return {
        "margin": float(scores.margin[answer].mean()),
        "log_likelihood": log_likelihood,
        "probability": math.exp(log_likelihood),
        "accuracy": sum(correct) / len(correct),
        "exact_memorization": sum(correct) / len(correct),
        "extraction_strength": extraction_strength(correct),
        "min_k": _mean_of_lowest(scores.log_probability[answer].tolist()),
        "min_k_plus_plus": _mean_of_lowest(scores.standing[answer].tolist()),
        "zlib_ratio": log_likelihood / len(zlib.compress(example.completion.encode())),
        "suffix_log_probability": _suffix(scores, encoded, example),
        **passages_of(scores.log_probability[:-1].tolist(), prompted=bool(example.prompt)),
    }


def _mean_of_lowest(values: Sequence[float]) -> float:
    """Return the mean of the lowest tokens: of 40 % of them, and of one at least."""
    lowest = sorted(values)[: max(1, int(MIN_K_SHARE * len(values)))]
    return sum(lowest) / len(lowest)


def _suffix(scores: Scores, encoded: Encoded, example: Example) -> float:
    """Return the log-probability that sampling goes on as the example does, up to its end; NaN if nothing follows."""
    first = max(1, encoded.start)  # nothing predicts the first token of a sequence
    tokens = scores.log_probability[max(0, tokens_given(encoded, example) - first) : -1]
    return float(tokens.double().sum()) if len(tokens) else math.nan


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


def _truth_ratios(
    model: TrainedModel, family: LanguageFamily, examples: Sequence[Example], answers: Sequence[float]
) -> list[dict[str, float]]:
    """Return truth ratio R = p(wrong) / p(right), and for the example's own answer its probability among the options and
    whether it is likelier than each of the others (1 or 0), for examples with wrong alternatives.

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
    return {"truth_ratio": ratio, "normalised_probability": share, "multiple_choice": float(answer > max(wrong))}
