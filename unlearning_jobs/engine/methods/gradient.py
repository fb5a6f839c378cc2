"""Forget terms of the answers to forget, by example or token by token, and a floor at which they rest."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Dataset, Predictions
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .context import Context
from .descent import Descent, Run, Term
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


Measure = Callable[[Sequence[int]], tuple[Predictions, ForgetTerms]]
"""Returns the predictions of the model as it is now, and their sums by example, for these examples to forget."""


class FlooredDescent(Descent):
    """A descent whose forget term rests on an example that is as badly known as it should be.

    With `floor` "held_out", the forget term of an example acts only while the example is likelier, per byte of its answer if
    that is text, than the original model finds the most similar held-out examples: those whose prompts have the most words
    in common, or those of the same class. It aims at what retraining would give, as SCRUB's rewinding does (Kurmanji et al.
    2023, arXiv 2302.09880), and uses no oracle.
    """

    def __init__(self, *, floor: str, **descent: Any) -> None:
        super().__init__(**descent)
        self.floor = floor

    def measured(self, run: Run) -> Measure:
        """Measure where every example starts and where its forget term will rest; return what measures a step.

        Raises:
            ObstacleError: the floor needs held-out examples and there are none.
        """
        device = run.context.device
        start_nll = torch.tensor(summed_nll(run.start, run.forget), device=device)
        floors = torch.tensor(self._floors(run.start, run.context, run.examples), device=device)

        def measure(chosen: Sequence[int]) -> tuple[Predictions, ForgetTerms]:
            answers = run.predict(run.forget.batch(chosen, device))
            positions = torch.tensor(chosen, device=device)
            return answers, _terms(answers, start_nll[positions], floors[positions])

        return measure

    def _floors(self, model: TrainedModel, context: Context, forget: Sequence[Example]) -> list[float]:
        """Return, for every example to forget, the negative log-likelihood of its answer at which the forget term rests."""
        if self.floor == "none":
            return [math.inf] * len(forget)
        family, held_out = model.family, context.training_data.snapshot.get(context.held_out_ids)
        if not held_out:
            message = "The floor needs held-out examples, and the corpus has none; set floor to none."
            raise ObstacleError(message)
        levels_of_all = summed_nll(model, family.encode(held_out))
        per_unit = [level / family.length(example) for level, example in zip(levels_of_all, held_out, strict=True)]
        floors = []
        for example in forget:
            levels = [per_unit[index] for index in nearest(family, example, held_out)]
            floors.append(family.length(example) * sum(levels) / len(levels))
        return floors


class GradientMethod(FlooredDescent):
    """A forget term of whole answers: it depends on the sums by example alone."""

    @abstractmethod
    def forget_loss(self, terms: ForgetTerms) -> Tensor:
        """Return the forget term of a batch, a scalar to descend."""

    def forget_term(self, run: Run) -> Term:
        measure = self.measured(run)
        return lambda chosen: self.forget_loss(measure(chosen)[1])


class TokenMethod(FlooredDescent):
    """A forget term of single tokens: a mean over all tokens of the batch's answers, of which those that rest count as 0."""

    per_answer: ClassVar[bool] = True

    @abstractmethod
    def token_losses(self, answers: Predictions) -> Tensor:
        """Return the loss of every token of an answer, (answers,); a classifier's answer is one token."""

    def forget_term(self, run: Run) -> Term:
        measure = self.measured(run)

        def term(chosen: Sequence[int]) -> Tensor:
            answers, terms = measure(chosen)
            return mean_over_tokens(self.token_losses(answers), answers, terms)

        return term


def mean_over_tokens(losses: Tensor, answers: Predictions, terms: ForgetTerms) -> Tensor:
    """Return the mean of the tokens' losses, a scalar, with those of examples that rest as 0."""
    return (terms.active[answers.example_index] * losses).sum() / len(losses)


def nll_by_example(answers: Predictions, batch: int) -> Tensor:
    """Return the negative log-likelihood of every example's answer, summed over its tokens: (batch,)."""
    losses = F.cross_entropy(answers.logits, answers.labels, reduction="none")  # (answers,)
    return torch.zeros(batch, device=losses.device).index_add(0, answers.example_index, losses)


def summed_nll(model: TrainedModel, data: Dataset) -> list[float]:
    """Return the same for every example of a data set, from a model that is not being trained."""
    return [-float(s.log_probability.sum()) for s in score(model, data)]


def _terms(answers: Predictions, start_nll: Tensor, floors: Tensor) -> ForgetTerms:
    """Sum the losses of the answers by example."""
    batch = len(start_nll)
    nll = nll_by_example(answers, batch)
    tokens = torch.bincount(answers.example_index, minlength=batch)
    return ForgetTerms(nll, start_nll, tokens, (nll.detach() < floors).float())
