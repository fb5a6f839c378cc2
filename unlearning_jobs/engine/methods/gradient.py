"""The loop that gradient-based methods share: a forget term, a retain term, and a floor for the forget term."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError, TrainingDivergedError
from unlearning_jobs.engine.training.loop import ADAM_BETAS, GRADIENT_NORM, answer_logits, learning_rate_share
from unlearning_jobs.engine.training.model import TrainedModel, place
from unlearning_jobs.engine.training.scoring import mean_margins, score
from unlearning_jobs.engine.training.tokens import IGNORED, collate, encode

from .context import Context

CURVE_POINTS = 20
CURVE_EXAMPLES = 32
NEIGHBOURS = 8
"""Held-out examples, nearest by the words of their prompts, whose level is an example's floor."""


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
    """Adam on forget_weight x forget term + retain_weight x mean cross-entropy of a random retain batch.

    With `floor` "held_out", an example's forget term acts only while the example is more likely, per byte of its answer,
    than the start model finds the held-out examples whose prompts are most alike. Bytes and not tokens, because the
    tokenizer, trained on the held-out examples, cuts those into fewer tokens. It aims at what retraining would give, as
    SCRUB's rewinding does (Kurmanji et al. 2023, arXiv 2302.09880), and looks at no oracle.
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

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the floor needs held-out examples and there are none.
            TrainingDivergedError: the loss became NaN or infinite.
        """
        device = context.device
        forget = context.snapshot.get(context.forget_ids)
        retain_ids = context.retain_ids
        encoded = [encode(model.tokenizer, e, model.max_length) for e in forget]
        start = [s.log_probability for s in score(model, encoded)]
        start_nll = torch.tensor([-float(s.sum()) for s in start], device=device)
        ceiling = torch.tensor(self._floors(model, context, forget), device=device)  # NLL at which the term rests
        shown = [encode(model.tokenizer, e, model.max_length) for e in context.snapshot.get(retain_ids[:CURVE_EXAMPLES])]

        result = TrainedModel(place(copy.deepcopy(model.network), device), model.tokenizer, model.max_length)
        network = result.network.train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1.0, betas=ADAM_BETAS, weight_decay=0.0, fused=True)
        peak = context.recipe.learning_rate * self.learning_rate_share
        generator = torch.Generator().manual_seed(context.seed)
        every = max(1, self.steps // CURVE_POINTS)

        for step in range(self.steps):
            for group in optimizer.param_groups:
                group["lr"] = peak * learning_rate_share(step, self.steps, 0.05)
            chosen = torch.randperm(len(encoded), generator=generator)[: self.forget_batch]
            batch = collate([encoded[i] for i in chosen.tolist()], device)
            logits, labels = answer_logits(network, batch)
            row = (batch.labels[:, 1:] != IGNORED).nonzero()[:, 0]
            tokens = torch.bincount(row, minlength=len(chosen))
            nll = torch.zeros(len(chosen), device=device).index_add(
                0, row, F.cross_entropy(logits, labels, reduction="none")
            )
            here = chosen.to(device)
            terms = ForgetTerms(nll, start_nll[here], tokens, (nll.detach() < ceiling[here]).float())
            loss = self.forget_weight * self.forget_loss(terms)
            if self.retain_weight and self.retain_batch:
                drawn = torch.randint(len(retain_ids), (self.retain_batch,), generator=generator).tolist()
                examples = context.snapshot.get(retain_ids[i] for i in drawn)
                retain = collate([encode(model.tokenizer, e, model.max_length) for e in examples], device)
                loss = loss + self.retain_weight * F.cross_entropy(*answer_logits(network, retain))
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            optimizer.step()

            if not math.isfinite(value := loss.item()):
                message = f"The loss became {value} after {step + 1} of {self.steps} steps; lower learning_rate_share."
                raise TrainingDivergedError(message)
            done = step + 1
            on_progress(Progress("unlearn", done, self.steps, ("loss", float(done), value)))
            if done % every == 0 or done == self.steps:
                for curve, examples_shown in (("forget", encoded[:CURVE_EXAMPLES]), ("retain", shown)):
                    margins = mean_margins(result, examples_shown)
                    on_progress(Progress("unlearn", done, self.steps, (curve, float(done), sum(margins) / len(margins))))
        network.eval()
        return result

    def _floors(self, model: TrainedModel, context: Context, forget: Sequence[Example]) -> list[float]:
        """For every example to forget, the negative log-likelihood of its answer at which the forget term rests."""
        if self.floor == "none":
            return [math.inf] * len(forget)
        held_out = context.snapshot.get(context.held_out_ids)
        if not held_out:
            message = "The floor needs held-out examples, and the corpus has none; set floor to none."
            raise ObstacleError(message)
        scores = score(model, [encode(model.tokenizer, e, model.max_length) for e in held_out])
        per_byte = [-float(s.log_probability.sum()) / _bytes(e) for s, e in zip(scores, held_out, strict=True)]
        words = [set(e.prompt.split()) for e in held_out]
        floors = []
        for example in forget:
            own = set(example.prompt.split())
            likeness = [len(own & other) / max(1, len(own | other)) for other in words]
            nearest = sorted(range(len(held_out)), key=lambda i: -likeness[i])[:NEIGHBOURS]
            floors.append(_bytes(example) * sum(per_byte[i] for i in nearest) / len(nearest))
        return floors


def _bytes(example: Example) -> int:
    return len(example.completion.encode())
