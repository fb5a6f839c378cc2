"""The loop that gradient-based methods share: a forget term, a retain term, and a floor for the forget term."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.training.loop import GRADIENT_NORM, learning_rate_share, make_optimizer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .context import Context, ExampleCounter
from .curves import Curves
from .losses import cross_entropy
from .neighbours import nearest


@dataclass(frozen=True)
class ForgetTerms:
    """One batch of examples to forget; every tensor has one entry per example."""

    nll: Tensor
    """Negative log-likelihood of the answer, summed over its tokens, now."""
    start_nll: Tensor
    """The same in the start model."""
    tokens: Tensor
    """Tokens of the answer."""
    active: Tensor
    """1 where the forget term acts, 0 where it rests."""


class GradientMethod(ABC):
    """The recipe's optimiser on forget_weight x forget term + retain_weight x retain term.

    The retain term is that of a random batch, here its cross-entropy; there is no weight decay.

    With `floor` "held_out", an example's forget term acts only while the example is more likely, per byte of its answer if
    that is text, than the start model finds the held-out examples most alike: by the words of their prompts, or of the same
    class. It aims at what retraining would give, as SCRUB's rewinding does (Kurmanji et al. 2023, arXiv 2302.09880), and
    looks at no oracle.
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
        """The term to descend, a scalar, from one batch of examples to forget."""

    def retain_loss(self, start: TrainedModel, batch: Batch, now: Predictions, counter: ExampleCounter) -> Tensor:  # noqa: ARG002  # for subclasses that compare with the start
        """The term to descend, a scalar, from one batch of examples to retain."""
        return cross_entropy(now)

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the floor needs held-out examples and there are none.
            TrainingDivergedError: the loss became NaN or infinite.
        """
        device, training_data = context.device, context.training_data
        examples = training_data.snapshot.get(context.forget_ids)
        forget = model.family.encode(examples)
        start_nll = torch.tensor([-float(s.log_probability.sum()) for s in score(model, forget)], device=device)
        ceiling = torch.tensor(self._floors(model, context, examples), device=device)  # NLL at which the term rests
        retain = training_data.without(context.exclude_ids)

        result = model.copy_to(device)
        curves = Curves(result, context, on_progress, total=self.steps)
        network = result.network.train()
        # the recipe's own kind, for a share of its learning rate to mean anything; decay would pull at every weight
        optimizer = make_optimizer(replace(training_data.recipe, weight_decay=0.0), network.parameters())
        peak = training_data.recipe.learning_rate * self.learning_rate_share
        generator = torch.Generator().manual_seed(context.seed)

        for step in range(self.steps):
            for group in optimizer.param_groups:
                group["lr"] = peak * learning_rate_share(step, self.steps, 0.05)
            chosen = torch.randperm(len(forget), generator=generator)[: self.forget_batch]
            predictions = model.family.predict(network, forget.batch(chosen.tolist(), device))
            tokens = torch.bincount(predictions.rows, minlength=len(chosen))
            losses = F.cross_entropy(predictions.logits, predictions.labels, reduction="none")
            nll = torch.zeros(len(chosen), device=device).index_add(0, predictions.rows, losses)
            here = chosen.to(device)
            terms = ForgetTerms(nll, start_nll[here], tokens, (nll.detach() < ceiling[here]).float())
            loss = self.forget_weight * self.forget_loss(terms)
            if self.retain_weight and self.retain_batch:
                drawn = torch.randint(len(retain), (self.retain_batch,), generator=generator).tolist()
                batch = retain.batch(drawn, device)
                kept = self.retain_loss(model, batch, model.family.predict(network, batch), context.counter)
                loss = loss + self.retain_weight * kept
                context.counter.add(len(drawn))
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            optimizer.step()
            context.counter.add(len(chosen))
            curves.step(step + 1, loss.item())
        network.eval()
        return result

    def _floors(self, model: TrainedModel, context: Context, forget: Sequence[Example]) -> list[float]:
        """For every example to forget, the negative log-likelihood of its answer at which the forget term rests."""
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
            levels = [per_unit[place] for place in nearest(family, example, held_out)]
            floors.append(family.length(example) * sum(levels) / len(levels))
        return floors
