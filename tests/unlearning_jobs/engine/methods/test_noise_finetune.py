"""The noise is as large as it is said to be, and falls where it is said to fall."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unlearning_jobs.engine.methods.noise_finetune import add_noise


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(300, 200), nn.GroupNorm(2, 200), nn.Linear(200, 100))


def differences(noise: float, seed: int = 0) -> dict[str, torch.Tensor]:
    changed, start = network(), network()
    add_noise(changed, noise, torch.Generator().manual_seed(seed))
    return {name: (p - q).detach() for (name, p), q in zip(changed.named_parameters(), start.parameters(), strict=True)}


@pytest.mark.parametrize("noise", [0.1, 0.6])
def test_the_noise_has_the_given_share_of_each_tensors_own_deviation_and_no_mean(noise: float) -> None:
    start = dict(network().named_parameters())
    for name in ("0.weight", "2.weight"):
        found, own = differences(noise)[name], float(start[name].detach().std())
        count = found.numel()
        # Of the deviation of n normal draws the standard error is 1 / sqrt(2 n) of it; of their mean, 1 / sqrt(n).
        assert float(found.std()) == pytest.approx(noise * own, rel=5 / (2 * count) ** 0.5)
        assert abs(float(found.mean())) < 5 * noise * own / count**0.5


def test_biases_and_normalisations_stay() -> None:
    found = differences(0.5)
    assert {name for name, change in found.items() if bool(change.any())} == {"0.weight", "2.weight"}


def test_the_seed_decides_the_noise() -> None:
    first, again, other = (differences(0.5, seed)["0.weight"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
