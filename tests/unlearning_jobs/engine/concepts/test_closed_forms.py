"""The formulas of ROME and MEMIT are the optima that a descent finds on small matrices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unlearning_jobs.engine.concepts.closed_forms import memit_update, regularised, rome_update

OUTPUTS, INPUTS, EDITS = 3, 5, 2
PRESERVATION = 0.7


def drawn(*size: int) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(sum(size)), dtype=torch.float64)


@pytest.fixture
def moment() -> Tensor:
    """The second moment of forty keys."""
    keys = drawn(INPUTS, 40)
    return keys @ keys.T / 40


def descended(loss: Callable[[Tensor], Tensor]) -> Tensor:
    """The minimum that a search by second derivatives finds from zero."""
    update = torch.zeros(OUTPUTS, INPUTS, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([update], max_iter=2000, tolerance_grad=1e-13, tolerance_change=1e-18)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(update)
        torch.autograd.backward(value)
        return value

    for _ in range(5):
        optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch has no type for it
    return update.detach()


def change(update: Tensor, moment: Tensor) -> Tensor:
    """How much the matrix changes what it makes of all other keys."""
    return torch.trace(update @ moment @ update.T)


def test_memit_is_the_least_squares_optimum(moment: Tensor) -> None:
    keys, residuals = drawn(INPUTS, EDITS), drawn(OUTPUTS, EDITS)
    found = descended(lambda update: (update @ keys - residuals).square().sum() + PRESERVATION * change(update, moment))
    assert torch.allclose(memit_update(keys, residuals, moment, PRESERVATION), found, atol=1e-7)


def test_rome_gives_the_key_its_value_exactly(moment: Tensor) -> None:
    weight, key, value = drawn(OUTPUTS, INPUTS), drawn(INPUTS), drawn(OUTPUTS)
    assert torch.allclose((weight + rome_update(weight, key, value, moment)) @ key, value, atol=1e-12)


def test_rome_changes_least_of_all_that_give_the_key_its_value(moment: Tensor) -> None:
    weight, key, value = drawn(OUTPUTS, INPUTS), drawn(INPUTS), drawn(OUTPUTS)
    best = rome_update(weight, key, value, moment)
    across = torch.eye(INPUTS, dtype=torch.float64) - torch.outer(key, key) / key.square().sum()
    # Every update that gives the key its value is the best one plus something that the key does not pass.
    other = descended(lambda step: change(best + step @ across, moment)) @ across
    assert torch.allclose(other, torch.zeros_like(other), atol=1e-7)


def test_rome_is_of_rank_one(moment: Tensor) -> None:
    update = rome_update(drawn(OUTPUTS, INPUTS), drawn(INPUTS), drawn(OUTPUTS), moment)
    assert torch.linalg.matrix_rank(update, atol=1e-10) == 1


def test_rome_is_memit_with_one_edit_that_nothing_holds_back(moment: Tensor) -> None:
    weight, key, value = drawn(OUTPUTS, INPUTS), drawn(INPUTS), drawn(OUTPUTS)
    asked = (value - weight @ key)[:, None]
    free = memit_update(key[:, None], asked, moment, 1e-9)
    assert torch.allclose(free, rome_update(weight, key, value, moment), atol=1e-6)


def test_more_preservation_changes_less(moment: Tensor) -> None:
    keys, residuals = drawn(INPUTS, EDITS), drawn(OUTPUTS, EDITS)
    changes = [float(change(memit_update(keys, residuals, moment, p), moment)) for p in (0.01, 1.0, 100.0)]
    assert changes == sorted(changes, reverse=True)


def test_keys_in_few_directions_can_be_solved_with() -> None:
    few = drawn(INPUTS, 2)
    keys, residuals = drawn(INPUTS, EDITS), drawn(OUTPUTS, EDITS)
    assert torch.isfinite(memit_update(keys, residuals, regularised(few @ few.T), 1.0)).all()
