"""The attack by the logit lens: an answer that the last layers suppress may still be read before them.

The states of an inner layer are read as if they were those of the last one: by the network's own final norm and output
layer (nostalgebraist 2020; against unlearning: Patil et al. 2023, arXiv 2309.17410).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .attack import FORGET, Attack, Columns, Target, mean_log_probabilities


class Lens(Attack):
    """Scores the forget examples by the states of one layer: the one before the last where the original knows best."""

    name: ClassVar[str] = "lens"

    def __init__(self) -> None:
        self._layer = 0

    def prepare(self, original: Target) -> None:
        """Choose the layer, by the mean probability of the forget examples; of equal ones, the first."""
        layers = len(original.model.family.hidden_layers(original.model.network))
        read = {number: self._read(original, number) for number in range(1, layers)}
        self._layer = max(read, key=lambda number: float(np.nan_to_num(np.exp(read[number])).mean()))

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        known = self._read(target, self._layer)
        return {FORGET: {"lens": known, "lens_layer": [float(self._layer)] * len(known)}}

    def _read(self, target: Target, number: int) -> list[float]:
        with read_at(target.model, number):
            return mean_log_probabilities(score(target.model, target.data(FORGET)))


@contextmanager
def read_at(model: TrainedModel, number: int) -> Iterator[None]:
    """Have the model answer from the states of the layer with this number, from 1, as if it were the last.

    The states go on where those of the last layer would, so whatever an architecture does behind it is done to them.
    """
    layers, kept = model.family.hidden_layers(model.network), list[Any]()

    def keep(_layer: object, _inputs: object, output: Any) -> None:
        kept[:] = [output]

    def exchange(_layer: object, _inputs: object, _output: object) -> Any:
        return kept[0]

    handles = [layers[number - 1].register_forward_hook(keep), layers[-1].register_forward_hook(exchange)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
