from __future__ import annotations

import math

from compliance.ui.charts.intervals import LEFT, RIGHT, IntervalRow, interval_chart


def row(estimate: float, low: float, high: float, margin: float = 0.25, *, one_sided: bool = False) -> IntervalRow:
    return IntervalRow("Forget set", estimate, low, high, margin, "within", one_sided)


def test_nothing_to_draw_is_no_chart() -> None:
    assert interval_chart([]) is None
    assert interval_chart([row(math.nan, 0, 0), row(0, 0, 0, margin=0)]) is None


def test_rows_are_measured_in_their_own_margins() -> None:
    chart = interval_chart([row(0.25, 0, 0.3, margin=0.25), row(10, 0, 12, margin=10)])
    assert chart is not None
    first, second = chart.rows
    assert (first.point, first.high) == (second.point, second.high)


def test_point_on_the_margin_lies_on_the_edge_of_the_band() -> None:
    chart = interval_chart([row(0.25, 0.2, 0.3)])
    assert chart is not None
    drawn = chart.rows[0]
    assert drawn.point is not None
    assert math.isclose(drawn.point, drawn.band_start + drawn.band_width)


def test_band_lies_around_zero_unless_only_one_side_counts() -> None:
    chart = interval_chart([row(0, -0.1, 0.1), row(0, -0.1, 0.1, one_sided=True)])
    assert chart is not None
    two_sided, one_sided = chart.rows
    assert math.isclose(chart.zero - two_sided.band_start, two_sided.band_start + two_sided.band_width - chart.zero)
    assert one_sided.band_start == LEFT


def test_what_lies_far_out_is_cut_and_says_so() -> None:
    chart = interval_chart([row(9, 8, 10)])
    assert chart is not None
    drawn = chart.rows[0]
    assert drawn.point is None
    assert drawn.cut_high
    assert not drawn.cut_low
    assert drawn.low == drawn.high == RIGHT


def test_infinite_intervals_reach_both_edges() -> None:
    chart = interval_chart([row(0, -math.inf, math.inf)])
    assert chart is not None
    assert (chart.rows[0].low, chart.rows[0].high) == (LEFT, RIGHT)


def test_rows_that_cannot_be_drawn_are_counted() -> None:
    chart = interval_chart([row(0, -0.1, 0.1), row(math.nan, 0, 0)])
    assert chart is not None
    assert (len(chart.rows), chart.left_out) == (1, 1)
