"""Bounds of samples, in decimals: exact for small samples and large ones, and never below what was seen."""

from __future__ import annotations

import pytest
from scipy import stats

from compliance.formats.samples import CONFIDENCE, all_at_most, group_at_most, group_confidence, upper_share


@pytest.mark.parametrize(("looked_at", "missed"), [(1, 0), (50, 0), (300, 0), (300, 150), (300, 299), (5_000, 2_300)])
def test_the_bound_is_exact_where_floating_point_would_underflow(looked_at: int, missed: int) -> None:
    exact = stats.beta.ppf(0.975, missed + 1, looked_at - missed)
    assert float(upper_share(looked_at, missed, 0.975)) == pytest.approx(exact, rel=1e-9)


def test_each_group_has_its_share_of_the_error() -> None:
    assert group_confidence(2) == pytest.approx(0.975)
    both = all_at_most([(340, 100, 3), (90_000, 100, 0)], CONFIDENCE)
    assert both == group_at_most(340, 100, 3, 0.975) + group_at_most(90_000, 100, 0, 0.975)


def test_what_was_looked_at_whole_is_known_and_what_was_not_looked_at_is_not() -> None:
    assert group_at_most(7, 7, 2, 0.975) == 2
    assert group_at_most(7, 0, 0, 0.975) == 7
    assert group_at_most(0, 0, 0, 0.975) == 0
    assert group_at_most(8, 7, 2, 0.975) == 3


def test_more_that_was_missed_never_means_a_lower_bound() -> None:
    bounds = [group_at_most(5_000, 50, missed, 0.975) for missed in range(51)]
    assert bounds == sorted(bounds)
    assert bounds[-1] == 5_000
