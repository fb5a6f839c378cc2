"""What attacks on membership need beyond one pass: gradients by single examples, and the likelihood under a reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import torch
from torch import nn

from unlearning_jobs.engine.catalogue import metrics_of
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .attacks import Columns, Target
from .attacks.attack import FORGET, HELD_OUT, mean_log_probabilities

GRADIENT_NORM: Final = "gradient_norm"
REFERENCE: Final = "reference"
REFERENCE_STATISTIC: Final = "reference_log_likelihood"


class Membership:
    """Measures what the protocol's metrics of membership need, for all models of one evaluation.

    The reference is the checkpoint that all models started from: it is the one model of their kind that was certainly not
    trained on the forget set here. It is the same for every model, so it is asked once.
    """

    def __init__(self) -> None:
        self._of_reference: dict[str, list[float]] = {}

    def measure(self, target: Target) -> Mapping[str, Columns]:
        """Return the statistics of the forget set and of the held-out examples by set; no others are compared."""
        asked = metrics_of(target.protocol, target.recipe.family)
        columns: dict[str, dict[str, Sequence[float]]] = {name: {} for name in (FORGET, HELD_OUT) if name in target.sets}
        if HELD_OUT not in columns:  # nothing to tell the forget set from
            return {}
        if GRADIENT_NORM in asked:
            for name, found in columns.items():
                found[GRADIENT_NORM] = gradient_norms(target.model, target.data(name))
        if REFERENCE in asked:
            self._of_reference = self._of_reference or _ask_reference(target, columns)
            for name, found in columns.items():
                found[REFERENCE_STATISTIC] = self._of_reference[name]
        return columns


def gradient_norms(model: TrainedModel, data: Dataset) -> list[float]:
    """Return how far each example, by itself, pulls at the weights, in order; NaN if that is no finite number.

    It is the mean over the tensors of weights of the Euclidean norm of the gradient of the example's loss, which is the mean
    over the tokens of its answer, end-of-text included. All tensors count, whether training changes them or not, so that an
    adapter and its merged model are looked at as a whole. The model stays as it was.
    """
    norms: dict[int, float] = {}
    with _watched(model.network) as found:
        for position in range(len(data)):
            found.clear()
            with torch.enable_grad():
                predictions = model.family.predict(model.network, data.batch([position], model.device))
                loss = nn.functional.cross_entropy(predictions.logits, predictions.labels)
                loss.backward()  # type: ignore[no-untyped-call]  # torch does not say its types
            mean = float(torch.stack(found).mean()) if found else math.nan
            norms[position] = mean if math.isfinite(mean) else math.nan
    return [norms[position] for position in range(len(data))]


@contextmanager
def _watched(network: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Collect the norm of each tensor's gradient, and drop the gradient at once: there is never more than one of them."""
    norms: list[torch.Tensor] = []

    def note(parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            norms.append(parameter.grad.detach().float().norm())
        parameter.grad = None

    parameters = [one for one in network.parameters() if one.is_floating_point()]
    before = [(one, one.requires_grad, one.grad) for one in parameters]
    for one in parameters:
        one.grad = None
        one.requires_grad = True
    hooks = [one.register_post_accumulate_grad_hook(note) for one in parameters]  # type: ignore[no-untyped-call]  # as above
    try:
        yield norms
    finally:
        for hook in hooks:
            hook.remove()
        for one, required, gradient in before:
            one.requires_grad = required
            one.grad = gradient


def _ask_reference(target: Target, names: Mapping[str, object]) -> dict[str, list[float]]:
    """Return the log-likelihoods under the checkpoint. A new adapter, which a network may have, changes nothing yet."""
    family, device = target.model.family, target.model.device
    reference = TrainedModel(nn.Module.to(family.build(0), device).eval(), family)
    return {name: mean_log_probabilities(score(reference, target.data(name))) for name in names}
