"""Paths against their bands."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from compliance.ui.charts.bands import BOTTOM, LEFT, RIGHT, TOP, Path, band_chart


def points(drawn: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in drawn.split())]


def test_no_paths_is_no_chart() -> None:
    assert band_chart((0, 1), (), band=2, stop=1, best=1) is None
    assert band_chart((), (), band=2, stop=1, best=1) is None


def test_a_path_inside_the_band_is_drawn_inside_it() -> None:
    chart = band_chart((0, 10), [Path("a", (1.9, -1.9), "within")], band=2, stop=10, best=0)
    assert chart is not None
    for _, y in points(chart.paths[0].points):
        assert chart.band_top <= y <= chart.band_top + chart.band_height


def test_what_is_too_well_known_lies_above_the_band_and_the_rest_below() -> None:
    paths = [Path("high", (5.0, 5.0), "undershot"), Path("low", (-5.0, -5.0), "overshot")]
    chart = band_chart((0, 10), paths, band=2, stop=10, best=10)
    assert chart is not None
    high, low = (points(path.points)[0][1] for path in chart.paths)
    assert high < chart.band_top < chart.band_top + chart.band_height < low
    assert len({path.series for path in chart.paths}) == 2


def test_a_path_without_a_band_is_counted_and_left_out() -> None:
    chart = band_chart(
        (0, 1), [Path("a", (1.0, 0.0), "within"), Path("b", (math.nan, 0.0), "within")], band=2, stop=1, best=1
    )
    assert chart is not None
    assert (len(chart.paths), chart.left_out) == (1, 1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), st.sampled_from([0.0, 5.0, 9.0]))
def test_everything_stays_inside_the_drawing(distances: list[float], stop: float) -> None:
    chart = band_chart((0, 5, 9), [Path("a", tuple(distances), "within")], band=2, stop=stop, best=9)
    assert chart is not None
    for x, y in points(chart.paths[0].points):
        assert LEFT <= x <= RIGHT
        assert TOP <= y <= BOTTOM
    assert LEFT <= chart.stop_at <= chart.best_at <= RIGHT
