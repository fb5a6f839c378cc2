"""Rewinding: of the checkpoints of a run, the one that knows the forget set as well as it should (Kurmanji et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .context import Context
from .neighbours import nearest


@dataclass(frozen=True)
class RewindPoint:
    """A model on its way: the steps done, its error on the examples to forget, and its weights, kept on the CPU."""

    step: int
    error: float
    state: Mapping[str, Tensor] = field(repr=False)


class Rewinding:
    """Takes the measurements of `model`, which changes meanwhile, and sets it back."""

    def __init__(self, model: TrainedModel, context: Context) -> None:
        snapshot, family = context.training_data.snapshot, model.family
        self.model = model
        self.examples = snapshot.get(context.forget_ids)
        self.held_out_examples = snapshot.get(context.held_out_ids)
        self.forget, self.held_out = family.encode(self.examples), family.encode(self.held_out_examples)

    def checkpoint(self, step: int) -> RewindPoint:
        """The model as it is now."""
        state = {name: tensor.detach().cpu().clone() for name, tensor in self.model.network.state_dict().items()}
        found = errors(self.model, self.forget)
        return RewindPoint(step, sum(found) / len(found), state)

    def reference_error(self) -> float:
        """The model's error on held-out examples of the same class mix: those most alike, for every example to forget."""
        found = errors(self.model, self.held_out)
        levels = []
        for example in self.examples:
            places = nearest(self.model.family, example, self.held_out_examples)
            levels.append(sum(found[place] for place in places) / len(places))
        return sum(levels) / len(levels)

    def go_back_to(self, checkpoint: RewindPoint) -> None:
        """Give the model the checkpoint's weights."""
        self.model.network.load_state_dict(checkpoint.state)


def closest(checkpoints: Sequence[RewindPoint], reference: float) -> RewindPoint:
    """The checkpoint whose error is closest to the reference; the latest of several."""
    return min(reversed(checkpoints), key=lambda one: abs(one.error - reference))


def errors(model: TrainedModel, data: Dataset) -> list[float]:
    """Share of wrong answers of every example, as the model answers in evaluation; a text's end is left out."""
    network = model.network
    training = network.training
    network.eval()
    found = [s.correct[:-1] if len(s.correct) > 1 else s.correct for s in score(model, data)]
    network.train(training)
    return [1 - float(one.float().mean()) for one in found]
