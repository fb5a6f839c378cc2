"""Membership inference with shadow models: does a model look as if it had been trained on the forget examples?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.roc import auc, true_positive_rate

from .metric import Metric, exists

FALSE_POSITIVES: Final = 0.01


class ShadowAttack(Metric):
    """AUC of telling the model's forget examples from the same examples in oracles, by an attack's scores.

    1/2: it looks like a model that never saw them. Above: members give themselves away; below: overshot. Every second
    oracle is a shadow model that never saw the examples, and the originals, without the production model's own, are
    shadow models that did. The other oracles give the scores of true non-members; each of them is attacked like the model
    in question, against the rest, for the oracles' values. Examples of one model are no replicates: the values say how
    one model fares, and have no p-value.
    """

    fewest_models: ClassVar[int] = 4

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        originals, oracles = outputs.models("original"), outputs.models("oracle")
        if min(len(originals), len(oracles)) < self.fewest_models or not self.applies(outputs):
            return
        outside, others = oracles[::2], oracles[1::2]

        def scores(target: ModelKey) -> Array:
            return self.scores(outputs, target, originals[1:], outside)

        negative = np.stack([scores(oracle) for oracle in others])
        unlearned, original = scores(outputs.models("unlearned")[0]), scores(originals[0])
        known = [(negative[i], np.delete(negative, i, axis=0).ravel()) for i in range(len(others))]
        yield MetricFinding(
            self.name,
            "forget",
            unlearned=auc(unlearned, negative.ravel()),
            original=auc(original, negative.ravel()),
            oracles=tuple(auc(own, rest) for own, rest in known),
            note=(
                f"True-positive rate at 1 % false positives: {_rate(unlearned, negative):.3f} unlearned,"
                f" {_rate(original, negative):.3f} original, {np.mean([_rate(*pair) for pair in known]):.3f} oracles."
                f" {len(outside)} oracles as shadow models, {len(others)} as non-members."
            ),
        )

    def applies(self, outputs: Outputs) -> bool:
        """Whether what the attack reads exists."""
        return exists(outputs, "forget", "margin")

    @abstractmethod
    def scores(self, outputs: Outputs, target: ModelKey, inside: Sequence[ModelKey], outside: Sequence[ModelKey]) -> Array:
        """How much the target looks trained on each forget example (examples,); higher speaks for it.

        `inside` are shadow models that were trained on them, `outside` those that were not.
        """


def forget_margins(outputs: Outputs, models: Sequence[ModelKey]) -> Array:
    """(models, examples)."""
    return np.stack([outputs.one(model, "forget", "margin") for model in models])


def _rate(positive: Array, negative: Array) -> float:
    return true_positive_rate(positive, negative.ravel(), false_positive_rate=FALSE_POSITIVES)
