from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from compliance.ui.charts.lines import BOTTOM, LABEL_GAP, TOP, line_chart, spread


def test_no_points_is_no_chart() -> None:
    assert line_chart({"loss": []}) is None
    assert line_chart({"loss": [(0, math.nan)]}) is None


def test_points_are_drawn_from_left_to_right() -> None:
    chart = line_chart({"loss": [(2, 0.5), (0, 2.0), (1, 1.0)]})
    assert chart is not None
    xs = [float(point.split(",")[0]) for point in chart.lines[0].points.split()]
    assert xs == sorted(xs)


def test_higher_values_are_drawn_higher() -> None:
    chart = line_chart({"a": [(0, 1), (1, 1)], "b": [(0, 2), (1, 2)]})
    assert chart is not None
    assert chart.lines[1].end_y < chart.lines[0].end_y


def test_a_single_point_can_be_drawn() -> None:
    chart = line_chart({"loss": [(5, 1.0)]})
    assert chart is not None
    assert chart.left <= chart.lines[0].end_x <= chart.right


def test_points_that_are_not_finite_are_counted() -> None:
    chart = line_chart({"loss": [(0, 1.0), (1, math.inf), (2, 0.5)]})
    assert chart is not None
    assert chart.left_out == 1


@given(st.lists(st.floats(TOP, BOTTOM), min_size=1, max_size=8))
def test_labels_never_lie_on_one_another(ends: list[float]) -> None:
    positions = sorted(spread({str(n): at for n, at in enumerate(ends)}).values())
    assert all(later - earlier >= LABEL_GAP - 0.02 for earlier, later in pairwise(positions))
    assert positions[-1] <= BOTTOM
