"""Rewinding a run to the point where it knew the forget set as well as it should (Kurmanji et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.families.weights import learned_state, restore
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .context import Context
from .neighbours import nearest


@dataclass(frozen=True)
class RewindPoint:
    """A model during a run: the steps done, its error on the examples to forget, and what it learned, kept on the CPU."""

    step: int
    error: float
    state: Mapping[str, Tensor] = field(repr=False)


class Rewinding:
    """Takes rewind points of `model` while it is trained, and sets it back to one of them."""

    def __init__(self, model: TrainedModel, context: Context) -> None:
        snapshot, family = context.training_data.snapshot, model.family
        self.model = model
        self.examples = snapshot.get(context.forget_ids)
        self.held_out_examples = snapshot.get(context.held_out_ids)
        self.forget, self.held_out = family.encode(self.examples), family.encode(self.held_out_examples)

    def point(self, step: int) -> RewindPoint:
        """Return a rewind point of the model as it is now."""
        state = {name: tensor.detach().cpu().clone() for name, tensor in learned_state(self.model.network).items()}
        forget_errors = errors(self.model, self.forget)
        return RewindPoint(step, sum(forget_errors) / len(forget_errors), state)

    def reference_error(self) -> float:
        """Return the model's mean error on the held-out examples that are most similar to each example to forget."""
        held_out_errors = errors(self.model, self.held_out)
        levels = []
        for example in self.examples:
            neighbours = nearest(self.model.family, example, self.held_out_examples)
            levels.append(sum(held_out_errors[index] for index in neighbours) / len(neighbours))
        return sum(levels) / len(levels)

    def go_back_to(self, point: RewindPoint) -> None:
        """Give the model the weights of a rewind point."""
        restore(self.model.network, point.state)


def closest(points: Sequence[RewindPoint], reference: float) -> RewindPoint:
    """Return the point whose error is closest to the reference; the latest if several are equally close."""
    return min(reversed(points), key=lambda point: abs(point.error - reference))


def errors(model: TrainedModel, data: Dataset) -> list[float]:
    """Return the share of wrong answers of every example, in evaluation mode; the end of a text is left out."""
    network = model.network
    training = network.training
    network.eval()
    correct = [s.correct[:-1] if len(s.correct) > 1 else s.correct for s in score(model, data)]
    network.train(training)
    return [1 - float(answers.float().mean()) for answers in correct]
