"""Adjusted p-values, against SciPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from unlearning_jobs.engine.evaluation.multiplicity import benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def test_holm_by_hand() -> None:
    """0.01 x 4, 0.015 x 3, then 0.03 x 2, and 0.04 x 1 raised to what came before it."""
    assert holm([0.04, 0.01, 0.03, 0.015]) == pytest.approx([0.06, 0.04, 0.06, 0.045])
    assert holm([0.5, 0.6, 0.001]) == pytest.approx([1.0, 1.0, 0.003])


@given(P_VALUES)
@settings(max_examples=40)
def test_holm_lies_between_no_adjustment_and_bonferroni(p_values: list[float]) -> None:
    p, adjusted = np.array(p_values), holm(p_values)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(len(p) * p, 1)).all()
    assert adjusted.min() == pytest.approx(min(1, len(p) * p.min()))


@given(P_VALUES)
@settings(max_examples=40)
def test_adjusting_keeps_the_order(p_values: list[float]) -> None:
    order = np.argsort(p_values)
    for adjust in (holm, benjamini_hochberg):
        assert (np.diff(adjust(p_values)[order]) >= 0).all()


@given(P_VALUES)
@settings(max_examples=40)
def test_benjamini_and_hochberg_as_in_scipy(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values))
