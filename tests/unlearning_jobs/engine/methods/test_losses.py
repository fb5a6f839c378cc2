"""Losses against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from unlearning_jobs.engine.methods.losses import divergence

REFERENCE, LOGITS = np.random.default_rng(0).normal(size=(2, 7, 5)).astype(np.float32) * 3


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_a_divergence_is_the_mean_over_answers_of_kl_from_the_reference_times_the_temperature_squared(
    temperature: float,
) -> None:
    log_p, log_q = (log_softmax(logits / temperature, axis=-1) for logits in (REFERENCE, LOGITS))
    expected = temperature**2 * (np.exp(log_p) * (log_p - log_q)).sum(axis=-1).mean()
    found = divergence(torch.from_numpy(REFERENCE), torch.from_numpy(LOGITS), temperature)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@given(shift=st.floats(-50, 50), temperature=st.floats(0.1, 10))
def test_what_says_the_same_is_nowhere_apart(shift: float, temperature: float) -> None:
    logits = torch.from_numpy(REFERENCE).double()
    assert float(divergence(logits, logits + shift, temperature)) == pytest.approx(0, abs=1e-9)


def test_at_a_high_temperature_it_is_half_the_squared_distance_of_centred_logits() -> None:
    # Hinton et al. 2015, section 2.1: T^2 KL tends to |a - b|^2 / (2 classes), for logits of mean zero.
    a, b = (torch.from_numpy(x - x.mean(axis=-1, keepdims=True)).double() for x in (REFERENCE, LOGITS))
    expected = ((a - b) ** 2).sum(-1).mean() / (2 * 5)
    assert float(divergence(a, b, 1e4)) == pytest.approx(float(expected), rel=1e-3)
