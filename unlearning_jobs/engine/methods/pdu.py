"""Constrained unlearning by a primal-dual method (Entesari et al. 2025, PDU, arXiv 2506.05314)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from unlearning_jobs.engine.catalogue.tokens import REFERENCE_EXAMPLES
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.training.parts import Units
from unlearning_jobs.engine.training.scoring import score

from .descent import Run, SteppedTerm, Term
from .gradient import TokenMethod


class Pdu(TokenMethod):
    """Flattens the logits of the answers to forget, as far as the loss on the examples to retain stays below a limit.

    The forget term is the mean over tokens of (largest logit - mean logit)^2. The retain term is lambda x (cross-entropy of
    a retain batch - limit), and after each step lambda <- max(0, lambda + dual_step x the same difference), once the first
    `dual_rest` steps are over. So retaining weighs more the longer the limit is exceeded, and less while it is kept. The
    limit is the original's loss per token on a sample of the retain set plus `tolerance`; the paper leaves its choice open
    and suggests a multiple of that loss, which would allow next to nothing where a model knows its examples by heart.
    """

    name: ClassVar[str] = "pdu"

    def __init__(self, *, tolerance: float, dual_start: float, dual_step: float, dual_rest: int, **gradient: Any) -> None:
        super().__init__(retain_weight=1.0, **gradient)
        self.tolerance = tolerance
        self.dual_start = dual_start
        self.dual_step = dual_step
        self.dual_rest = dual_rest

    def token_losses(self, answers: Predictions) -> Tensor:
        return (answers.logits.amax(-1) - answers.logits.mean(-1)) ** 2

    def retain_term(self, run: Run) -> Constraint:
        limit = _loss_of_original(run) + self.tolerance
        weight = torch.tensor(self.dual_start, device=run.context.device)
        return Constraint(super().retain_term(run), self.retain_units(run), limit, weight, self.dual_step, self.dual_rest)


@dataclass
class Constraint(SteppedTerm):
    """The retain term of a step. The weight stays on the device, so that nobody waits for it."""

    loss_of: Term
    units: Units
    limit: float
    weight: Tensor
    step: float
    rest: int
    """Steps that are over before the weight changes."""
    steps: int = 0
    excesses: list[Tensor] = field(default_factory=list)
    """Of the parts of this step, times their units."""
    counted: int = 0

    def begin(self) -> None:
        self.excesses, self.counted = [], 0

    def __call__(self, chosen: Sequence[int]) -> Tensor:
        excess, units = self.loss_of(chosen) - self.limit, self.units(chosen)
        self.excesses.append(units * excess.detach())
        self.counted += units
        return self.weight * excess

    def end(self) -> None:
        self.steps += 1
        if self.steps > self.rest:
            excess = torch.stack(self.excesses).sum() / self.counted
            self.weight = (self.weight + self.step * excess).clamp(min=0)


def _loss_of_original(run: Run) -> float:
    """Return the original's cross-entropy per token on a sample of the retain set that the seed decides."""
    order = torch.randperm(len(run.retain), generator=torch.Generator().manual_seed(run.context.seed))
    sample = run.retain.subset(order[:REFERENCE_EXAMPLES].tolist())
    run.context.counter.add(len(sample), backwards=False)
    return -float(torch.cat([scores.log_probability for scores in score(run.start, sample)]).mean())
