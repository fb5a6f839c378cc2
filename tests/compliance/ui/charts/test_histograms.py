from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from compliance.ui.charts.histograms import LEFT, RIGHT, histogram_chart

values = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60)


def test_nothing_finite_is_no_chart() -> None:
    assert histogram_chart({"oracle": [], "unlearned": [math.nan]}) is None


def test_values_that_are_not_finite_are_counted() -> None:
    chart = histogram_chart({"oracle": [1, 2, math.inf], "unlearned": [math.nan]})
    assert chart is not None
    assert (chart.left_out, [panel.name for panel in chart.panels]) == (2, ["oracle"])


def test_panels_share_one_axis() -> None:
    chart = histogram_chart({"a": [0, 1], "b": [9, 10]})
    assert chart is not None
    assert chart.panels[0].rug[-1] < chart.panels[1].rug[0]


def test_colour_belongs_to_the_name_even_when_another_is_empty() -> None:
    chart = histogram_chart({"original": [], "unlearned": [1], "oracle": [2]})
    assert chart is not None
    assert [(panel.name, panel.series) for panel in chart.panels] == [("unlearned", 2), ("oracle", 3)]


def test_heights_are_shares_so_that_sizes_do_not_matter() -> None:
    chart = histogram_chart({"few": [1, 2], "many": [1, 2] * 50})
    assert chart is not None
    few, many = chart.panels
    assert [bar.height for bar in few.bars] == [bar.height for bar in many.bars]


def test_median_stands_at_its_value() -> None:
    chart = histogram_chart({"a": [1, 2, 9]})
    assert chart is not None
    assert chart.panels[0].median == 2
    assert chart.panels[0].median_at == chart.panels[0].rug[1]


@given(values, values)
def test_all_bars_and_values_lie_within_the_drawing(oracle: list[float], unlearned: list[float]) -> None:
    chart = histogram_chart({"oracle": oracle, "unlearned": unlearned})
    assert chart is not None
    for panel in chart.panels:
        assert all(LEFT <= x <= RIGHT for x in panel.rug)
        assert all(bar.x >= LEFT and bar.x + bar.width <= RIGHT + 0.1 for bar in panel.bars)
        assert all(bar.y >= panel.name_at and bar.height > 0 for bar in panel.bars)
