from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.ui.charts.scales import Scale, domain_around, finite, round_step

numbers = st.floats(-1e6, 1e6, allow_nan=False)


def test_scale_maps_ends_to_ends() -> None:
    x = Scale(0, 10, 100, 200)
    assert (x(0), x(5), x(10)) == (100, 150, 200)


def test_scale_may_run_upwards() -> None:
    y = Scale(0, 1, 300, 0)
    assert (y(0), y(1)) == (300, 0)


def test_ticks_are_round_and_inside() -> None:
    assert [tick.value for tick in Scale(-0.13, 1.02, 0, 100).ticks(5)] == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(("step", "rounded"), [(0.9, 1), (1.1, 2), (2.1, 2.5), (3, 5), (7, 10), (0.0301, 0.05), (1, 1)])
def test_steps_are_rounded_up_to_what_people_count_in(step: float, rounded: float) -> None:
    assert math.isclose(round_step(step), rounded)


@given(st.lists(numbers, min_size=1))
def test_domain_holds_all_values_and_is_never_empty(values: list[float]) -> None:
    low, high = domain_around(values)
    assert low < high
    assert low <= min(values)
    assert max(values) <= high


@given(st.lists(numbers, min_size=1), st.integers(2, 10))
def test_ticks_lie_within_the_axis(values: list[float], count: int) -> None:
    axis = Scale(*domain_around(values), 0, 100)
    assert all(-0.01 <= tick.at <= 100.01 for tick in axis.ticks(count))


def test_only_finite_values_are_kept() -> None:
    assert finite([1, math.nan, math.inf, -math.inf, 2]) == [1.0, 2.0]
