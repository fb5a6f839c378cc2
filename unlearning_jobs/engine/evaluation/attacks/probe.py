"""The attack by a probe: the inside of a network may tell what its answers do not.

A linear regression learns to tell the examples to forget from held-out ones by the states of a middle layer (Alain and
Bengio 2016, arXiv 1610.01644). Where it can, although the answers are alike, the network still treats them differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch

from unlearning_jobs.engine.evaluation.outputs import Array

from .attack import FORGET, HELD_OUT, Attack, Columns, Target, language

FOLDS: Final = 5


class Probe(Attack):
    """Scores each example of both sets by a probe that was fitted without it, on the mean state of each answer."""

    name: ClassVar[str] = "probe"

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        forget, held_out = _mean_states(target, FORGET), _mean_states(target, HELD_OUT)
        scores = out_of_fold(forget, held_out, target.protocol.sample_seed)
        return {
            FORGET: {self.name: scores[: len(forget)].tolist()},
            HELD_OUT: {self.name: scores[len(forget) :].tolist()},
        }


@torch.inference_mode()
def _mean_states(target: Target, name: str) -> Array:
    """Return the mean state from which each answer's tokens are predicted, at the middle layer: (examples, size)."""
    model, data = target.model, target.data(name)
    family = language(model.family)
    middle = (len(family.hidden_layers(model.network)) + 1) // 2
    means: dict[int, Array] = {}
    for positions in data.sweep(family.scored_at_once):
        batch = data.batch(positions, model.device)
        of_each = family.split(family.hidden_states(model.network, batch, middle), batch)
        means.update({i: np.array(states.mean(0).tolist()) for i, states in zip(positions, of_each, strict=True)})
    return np.stack([means[i] for i in range(len(data))])


def out_of_fold(ones: Array, others: Array, seed: int) -> Array:
    """Return the score of every example by a ridge regression on the other folds; NaN if a state is no number.

    Each fold has its share of both kinds, so that none is fitted to other proportions. States are standardised by those that
    are fitted to, and the penalty is their number, so that it weighs the same for states of any size.

    Args:
        ones: states of the examples to find, (examples, size).
        others: states of those to tell them from, (other examples, size).
        seed: of the order in which examples are dealt out to folds.
    """
    states = np.concatenate([ones, others])
    if not np.isfinite(states).all():
        return np.full(len(states), np.nan)
    rng = np.random.default_rng(seed)
    fold = np.concatenate([rng.permutation(np.arange(len(part)) % FOLDS) for part in (ones, others)])
    sides = np.repeat([1.0, -1.0], [len(ones), len(others)])
    scores = np.empty(len(states))
    for number in range(FOLDS):
        fitted = fold != number
        scores[~fitted] = ridge_scores(states[fitted], sides[fitted], states[~fitted])
    return scores


def ridge_scores(states: Array, sides: Array, others: Array) -> Array:
    """Fit sides (examples,) by states (examples, size), and return what that says of others (other examples, size)."""
    mean, deviation = states.mean(0), states.std(0)
    deviation[deviation == 0] = 1.0
    x, z = (states - mean) / deviation, (others - mean) / deviation
    # In its dual form, which is quick where states are larger than examples are many.
    weights = np.linalg.solve(x @ x.T + x.shape[1] * np.eye(len(x)), sides - sides.mean())
    scores: Array = z @ (x.T @ weights) + sides.mean()
    return scores
