"""Membership inference with shadow models: does a model look as if it was trained on the forget examples?"""

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
    """Computes the AUC of telling a model's scores on the forget examples from the scores of oracles on the same examples.

    At 1/2, the model looks like one that never saw them. Above, membership shows; below, the model overshot. Every second
    oracle serves as a shadow model that never saw the examples. The originals, except the production model's own, serve as
    shadow models that did. The other oracles give the scores of true non-members; for the oracles' values, each of them is
    attacked in the same way and compared with the rest. The examples of one model are not replicates: the values describe
    a single model and have no p-value.
    """

    fewest_models: ClassVar[int] = 4

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        originals, oracles = outputs.models("original"), outputs.models("oracle")
        if min(len(originals), len(oracles)) < self.fewest_models or not self.applies(outputs):
            return
        outside, others = oracles[::2], oracles[1::2]  # shadow models; true non-members

        def scores(target: ModelKey) -> Array:
            return self.scores(outputs, target, originals[1:], outside)

        negative = np.stack([scores(oracle) for oracle in others])  # (others, examples)
        unlearned, original = scores(outputs.models("unlearned")[0]), scores(originals[0])
        # Each non-member's scores, and those of the others.
        pairs = [(negative[i], np.delete(negative, i, axis=0).ravel()) for i in range(len(others))]
        yield MetricFinding(
            self.name,
            "forget",
            unlearned=auc(unlearned, negative.ravel()),
            original=auc(original, negative.ravel()),
            oracles=tuple(auc(*pair) for pair in pairs),
            note=(
                f"True-positive rate at 1 % false positives: {_rate(unlearned, negative):.3f} unlearned,"
                f" {_rate(original, negative):.3f} original, {np.mean([_rate(*pair) for pair in pairs]):.3f} oracles."
                f" {len(outside)} oracles as shadow models, {len(others)} as non-members."
            ),
        )

    def applies(self, outputs: Outputs) -> bool:
        """Return whether the outputs hold what the attack reads."""
        return exists(outputs, "forget", "margin")

    @abstractmethod
    def scores(self, outputs: Outputs, target: ModelKey, inside: Sequence[ModelKey], outside: Sequence[ModelKey]) -> Array:
        """Score each forget example (examples,); higher means that the target looks more as if it was trained on it.

        `inside` are shadow models that were trained on the examples, `outside` are shadow models that were not.
        """


def forget_margins(outputs: Outputs, models: Sequence[ModelKey]) -> Array:
    """Return the margins of the models on the forget set: (models, examples)."""
    return np.stack([outputs.vector(model, "forget", "margin") for model in models])


def _rate(positive: Array, negative: Array) -> float:
    return true_positive_rate(positive, negative.ravel(), false_positive_rate=FALSE_POSITIVES)
