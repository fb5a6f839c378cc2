"""What methods share that descend a forget term and a retain term: their steps, and a floor for the forget term."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.training.loop import training_loop
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.schedule import LearningRate, make_optimizer
from unlearning_jobs.engine.training.scoring import score

from .context import Context, ExampleCounter
from .curves import Curves
from .finetune import LOWER_THE_SHARE, WARMUP_SHARE
from .losses import cross_entropy
from .neighbours import nearest


@dataclass(frozen=True)
class ForgetTerms:
    """One batch of examples to forget. Every tensor is (batch,)."""

    nll: Tensor
    """Negative log-likelihood of the answer, summed over its tokens, in the model as it is now."""
    start_nll: Tensor
    """The same in the original model."""
    tokens: Tensor
    """Number of tokens of the answer."""
    active: Tensor
    """1 if the forget term acts on the example, 0 if it rests."""


class Draw(NamedTuple):
    """The examples of one step: positions in the forget set, and in the retain set."""

    forget: Tensor
    retain: list[int]


class GradientMethod(ABC):
    """Descends forget_weight x forget term + retain_weight x retain term by the recipe's optimiser, without weight decay.

    The retain term is that of a random batch; here it is the batch's cross-entropy.

    With `floor` "held_out", the forget term of an example acts only while the example is likelier, per byte of its answer if
    that is text, than the original model finds the most similar held-out examples: those whose prompts have the most words
    in common, or those of the same class. It aims at what retraining would give, as SCRUB's rewinding does (Kurmanji et al.
    2023, arXiv 2302.09880), and uses no oracle.
    """

    def __init__(
        self,
        *,
        learning_rate_share: float,
        steps: int,
        forget_batch: int,
        floor: str,
        retain_batch: int = 0,
        forget_weight: float = 1.0,
        retain_weight: float = 0.0,
    ) -> None:
        self.learning_rate_share = learning_rate_share
        self.steps = steps
        self.forget_batch = forget_batch
        self.floor = floor
        self.retain_batch = retain_batch
        self.forget_weight = forget_weight
        self.retain_weight = retain_weight

    @abstractmethod
    def forget_loss(self, terms: ForgetTerms) -> Tensor:
        """Return the forget term of a batch, a scalar to descend."""

    def retain_loss(self, start: TrainedModel, batch: Batch, now: Predictions, counter: ExampleCounter) -> Tensor:  # noqa: ARG002  # for subclasses that compare with the start
        """Return the retain term of a batch, a scalar to descend."""
        return cross_entropy(now)

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the floor needs held-out examples and there are none.
            TrainingDivergedError: the loss became NaN or infinite.
        """
        device, training_data = context.device, context.training_data

        # 1. Measure the original: where every example starts, and where its forget term will rest.
        examples = training_data.snapshot.get(context.forget_ids)
        forget = model.family.encode(examples)
        start_nll = torch.tensor([-float(s.log_probability.sum()) for s in score(model, forget)], device=device)
        floors = torch.tensor(self._floors(model, context, examples), device=device)
        retain = training_data.without(context.exclude_ids)

        # 2. Copy it. Weight decay would pull at every weight; the optimiser is the recipe's, so that a share of its
        #    learning rate means something.
        result = model.copy_to(device)
        curves = Curves(result, context, on_progress, total=self.steps)
        network = result.network.train()
        recipe = replace(training_data.recipe, weight_decay=0.0)

        def loss_of(draw: Draw) -> Tensor:
            predictions = model.family.predict(network, forget.batch(draw.forget.tolist(), device))
            chosen = draw.forget.to(device)
            loss = self.forget_weight * self.forget_loss(_terms(predictions, start_nll[chosen], floors[chosen]))
            if draw.retain:
                batch = retain.batch(draw.retain, device)
                now = model.family.predict(network, batch)
                loss = loss + self.retain_weight * self.retain_loss(model, batch, now, context.counter)
                context.counter.add(len(draw.retain))
            context.counter.add(len(draw.forget))
            return loss

        # 3. Descend.
        training_loop(
            network,
            self._draws(len(forget), len(retain), torch.Generator().manual_seed(context.seed)),
            loss_of,
            recipe=recipe,
            optimizer=make_optimizer(recipe, network.parameters()),
            learning_rate=LearningRate(recipe.learning_rate * self.learning_rate_share, self.steps, WARMUP_SHARE),
            device=device,
            on_step=curves.step,
            remedy=LOWER_THE_SHARE,
        )
        network.eval()
        return result

    def _draws(self, forget: int, retain: int, generator: torch.Generator) -> Iterator[Draw]:
        """Draw the examples of every step, given the sizes of the forget set and the retain set."""
        retain_batch = self.retain_batch if self.retain_weight else 0
        for _ in range(self.steps):
            chosen = torch.randperm(forget, generator=generator)[: self.forget_batch]
            drawn = torch.randint(retain, (retain_batch,), generator=generator).tolist() if retain_batch else []
            yield Draw(chosen, drawn)

    def _floors(self, model: TrainedModel, context: Context, forget: Sequence[Example]) -> list[float]:
        """Return, for every example to forget, the negative log-likelihood of its answer at which the forget term rests."""
        if self.floor == "none":
            return [math.inf] * len(forget)
        family, held_out = model.family, context.training_data.snapshot.get(context.held_out_ids)
        if not held_out:
            message = "The floor needs held-out examples, and the corpus has none; set floor to none."
            raise ObstacleError(message)
        scores = score(model, family.encode(held_out))
        per_unit = [-float(s.log_probability.sum()) / family.length(e) for s, e in zip(scores, held_out, strict=True)]
        floors = []
        for example in forget:
            levels = [per_unit[index] for index in nearest(family, example, held_out)]
            floors.append(family.length(example) * sum(levels) / len(levels))
        return floors


def _terms(predictions: Predictions, start_nll: Tensor, floors: Tensor) -> ForgetTerms:
    """Sum the losses of the answers by example."""
    index, batch = predictions.example_index, len(start_nll)
    losses = F.cross_entropy(predictions.logits, predictions.labels, reduction="none")  # (answers,)
    nll = torch.zeros(batch, device=losses.device).index_add(0, index, losses)  # (batch,)
    tokens = torch.bincount(index, minlength=batch)
    return ForgetTerms(nll, start_nll, tokens, (nll.detach() < floors).float())
