"""The value that an edit aims at: what must be added at a subject's last token so that a model answers otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.contracts.concepts import Instead, Probe
from unlearning_jobs.engine.errors import ObstacleError, TrainingDivergedError
from unlearning_jobs.engine.families.tokens import IGNORED, pad
from unlearning_jobs.engine.training.model import TrainedModel

from .asking import encoded, language
from .places import changed, forward, last_token, states_at

SMALLEST: Final = 1e-6
"""Of the probability that is left for all other answers."""
ENOUGH: Final = 0.02
"""A loss from which the search ends: the answer has about 98 %."""


@dataclass(frozen=True)
class Wish:
    """What is to be changed about one probe."""

    ids: Tensor
    """The probe with the answer that the loss is about, (1, longest)."""
    labels: Tensor
    """The same tokens where they are of that answer, and -100 elsewhere, (1, longest)."""
    at: int
    """The position of the last token of the subject."""
    start: int
    """The position of the first token of the answer."""
    avoid: bool
    """Whether the answer is to become unlikely; if not, it is to be given."""


@dataclass(frozen=True)
class Search:
    """How a value is looked for."""

    steps: int
    rate: float
    """How far a step of Adam goes, as a share of the state's length: models differ in how long their states are."""
    decay: float
    """Weight of the square of the change's length, as a share of the state's."""
    keep: float
    """Weight of the divergence of what is said right behind the subject from what was said."""
    most: float
    """The longest change, as a share of the state's length."""


def wishes(
    model: TrainedModel, probes: Sequence[Probe], names: Sequence[str], instead: Instead, *, lower: bool
) -> list[Wish]:
    """Return what is to be changed about the probes that name the subject and are answered freely; others are left out.

    With `lower`, or if it is left open what to answer, the answer is only to become unlikely.

    Raises:
        ObstacleError: none of them does.
    """
    found = []
    for probe in probes:
        if probe.choices:
            continue
        asked = None if lower else instead.answer(probe)
        one = encoded(model, probe, asked)
        at = last_token(language(model).decode, one.ids[: one.start], names)
        if at is None:
            continue
        labels = (IGNORED,) * one.start + one.ids[one.start :]
        if asked is None:
            labels = (*labels[:-1], IGNORED)  # that a text ends is nothing to be avoided
        ids, wanted = pad([one.ids], 0).to(model.device), pad([labels], IGNORED).to(model.device)
        found.append(Wish(ids, wanted, at, one.start, avoid=asked is None))
    if not found:
        message = (
            "No probe that methods see names the subject, and edits act where it is named; add questions with its name, or"
            " choose a method that works on examples."
        )
        raise ObstacleError(message)
    return found


def find_change(model: TrainedModel, wish: Wish, module: nn.Module, search: Search) -> Tensor:
    """Return what must be added to what a layer or matrix puts out at the subject's last token, (size,), by Adam.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    with torch.no_grad():
        said = forward(model, wish.ids)[0, wish.at].log_softmax(-1)
    state = states_at(model, module, wish.ids)[0, wish.at]
    length = state.norm()
    _check(length, 0)
    change = torch.zeros_like(state, requires_grad=True)
    optimizer = torch.optim.Adam([change], search.rate * float(length) / math.sqrt(len(change)))

    def add(output: Tensor) -> Tensor:
        moved = output.clone()
        moved[0, wish.at] = moved[0, wish.at] + change.to(output.dtype)
        return moved

    with changed(module, add):
        for step in range(search.steps):
            logits = forward(model, wish.ids)[0]
            answer = _answer_loss(logits, wish)
            kept = F.kl_div(logits[wish.at].log_softmax(-1), said, log_target=True, reduction="sum")
            if wish.at + 1 == wish.start:
                kept = torch.zeros(())  # what is said there is the answer itself
            loss = answer + search.keep * kept + search.decay * (change.norm() / length).square()
            _check(loss, step)
            if float(answer.detach()) < ENOUGH:
                break
            [gradient] = torch.autograd.grad(loss, [change])
            change.grad = gradient
            optimizer.step()
            with torch.no_grad():
                change.mul_(min(1.0, search.most * float(length) / max(SMALLEST, float(change.detach().norm()))))
    return change.detach()


def _check(number: Tensor, step: int) -> None:
    if not torch.isfinite(number):
        message = f"The edit became NaN or infinite after {step} steps of looking for a value; lower the rate."
        raise TrainingDivergedError(message)


def _answer_loss(logits: Tensor, wish: Wish) -> Tensor:
    """Return the mean loss of the answer's tokens; or of anything but the answer: -log(1 - p), p their mean probability."""
    labels = wish.labels[0, 1:]
    there = labels != IGNORED
    losses = F.cross_entropy(logits[:-1][there], labels[there], reduction="none")
    if not wish.avoid:
        return losses.mean()
    return -torch.log((1 - torch.exp(-losses)).clamp(min=SMALLEST)).mean()
