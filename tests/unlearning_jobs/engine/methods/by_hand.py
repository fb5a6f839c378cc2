"""Forget terms worked out a second time: one text at a time, without padding, in loops over tokens and double precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.unlearning_jobs.engine.methods.conftest import Task
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.families.causal_lm import CausalLmFamily
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.methods.descent import Descent, Run
from unlearning_jobs.engine.methods.gradient import FlooredDescent, TokenMethod
from unlearning_jobs.engine.training.model import TrainedModel

CPU = torch.device("cpu")


class Token(NamedTuple):
    """A token of an answer, and the logits that the model has for its place."""

    logits: NDArray[np.float64]
    right: int

    @property
    def probabilities(self) -> NDArray[np.float64]:
        shifted = np.exp(self.logits - self.logits.max())
        return np.asarray(shifted / shifted.sum())

    @property
    def p(self) -> float:
        """The probability of the right token."""
        return float(self.probabilities[self.right])


def tokens(model: TrainedModel, example: Example) -> list[Token]:
    """Every token of the example's answer; a class is one token."""
    if example.features is not None:
        return _class(model, example)
    tokenizer = cast("CausalLmFamily", model.family).tokenizer
    prompt = [0, *(tokenizer.encode(f"{example.prompt}\n").ids if example.prompt else [])]
    answer = [*tokenizer.encode(example.completion).ids, 0]
    network: Any = model.network
    with torch.no_grad():
        logits = network(input_ids=torch.tensor([[*prompt, *answer]])).logits[0].double().numpy()
    return [Token(logits[len(prompt) + place - 1], right) for place, right in enumerate(answer)]


def _class(model: TrainedModel, example: Example) -> list[Token]:
    batch = model.family.encode([example]).batch([0], CPU)
    with torch.no_grad():
        return [Token(model.network(batch.inputs)[0].double().numpy(), int(batch.labels))]


def nll(model: TrainedModel, example: Example) -> float:
    """Negative log-likelihood of the whole answer."""
    return -sum(float(np.log(token.p)) for token in tokens(model, example))


def changed(task: Task, scale: float = 0.8) -> TrainedModel:
    """The task's model, as if it had unlearned for a while."""
    now = task.model.copy_to(CPU)
    with torch.no_grad():
        for weights in learned(now.network):  # copies share what is frozen
            weights.mul_(scale)
    return now


def descent(name: str, **config: Any) -> FlooredDescent:
    """The method, without a floor."""
    method = make_method(MethodChoice(name, {"floor": "none", **config}))
    assert isinstance(method, FlooredDescent)
    return method


def term(method: Descent, task: Task, now: TrainedModel, chosen: Sequence[int] | None = None) -> Tensor:
    """The forget term of these examples of the task, in the model as it is now."""
    run = Run(task.model, now, task.context)
    return method.forget_term(run)(list(range(len(run.examples))) if chosen is None else chosen)


def to_forget(task: Task) -> list[Example]:
    return task.context.training_data.snapshot.get(task.context.forget_ids)


def all_tokens(model: TrainedModel, task: Task) -> list[Token]:
    """The tokens of all answers to forget."""
    return [token for example in to_forget(task) for token in tokens(model, example)]


def gradient(method: FlooredDescent, answers: Predictions) -> Tensor:
    """How the sum of the tokens' losses changes with every logit, (answers, classes)."""
    assert isinstance(method, TokenMethod)
    logits = answers.logits.clone().requires_grad_()
    losses = method.token_losses(Predictions(logits, answers.labels, answers.example_index))
    torch.autograd.backward(losses.sum())
    assert logits.grad is not None
    return logits.grad


def three_answers() -> Predictions:
    """Answers of three tokens, one token and two tokens, over a vocabulary of five."""
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(3)) * 2
    return Predictions(logits, torch.tensor([1, 0, 4, 2, 2, 3]), torch.tensor([0, 0, 0, 1, 2, 2]))


def rows(answers: Predictions) -> Iterator[Token]:
    """The same as tokens."""
    for logits, right in zip(answers.logits, answers.labels.tolist(), strict=True):
        yield Token(logits.double().numpy(), right)
