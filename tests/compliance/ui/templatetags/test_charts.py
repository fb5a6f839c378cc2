from __future__ import annotations

import math

from django.utils import translation

from compliance.ui.charts.intervals import IntervalRow
from compliance.ui.templatetags.charts import LONGEST_TABLE, histogram_pair, interval_chart, line_chart, thinned


def test_histogram_table_names_all_three_groups_with_their_medians() -> None:
    with translation.override("en"):
        context = histogram_pair("h", caption="Sentence.", oracle=[1, 2, 3], unlearned=[2, 3, 4], original=[9])
    assert [row[:2] for row in context["rows"]] == [
        ["Original (nothing done)", 1],
        ["Unlearned", 3],
        ["Oracles (trained without it)", 3],
    ]
    assert [row[3] for row in context["rows"]] == ["9", "3", "2"]


def test_histogram_table_leaves_out_what_is_not_a_number() -> None:
    with translation.override("en"):
        context = histogram_pair("h", caption="Sentence.", oracle=[1, math.nan], unlearned=[2])
    assert [row[2:] for row in context["rows"] if row[0].startswith("Oracles")] == [["1", "1", "1"]]


def test_chart_without_data_has_no_drawing() -> None:
    assert histogram_pair("h", caption="Sentence.", oracle=[], unlearned=[])["drawing"] == ""
    assert line_chart("l", caption="Sentence.", series={})["drawing"] == ""
    assert interval_chart("i", caption="Sentence.", rows=[])["drawing"] == ""


def test_interval_table_says_in_words_where_each_estimate_lies() -> None:
    with translation.override("en"):
        context = interval_chart(
            "i", caption="Sentence.", rows=[IntervalRow("Forget", 0.3, 0.2, 0.4, 0.35, "undecided", one_sided=True)]
        )
    assert context["rows"] == [["Forget", "0.3", "0.2 to 0.4", "≤ 0.35", "undecided"]]


def test_long_series_are_thinned_in_the_table_but_keep_their_end() -> None:
    points = [(float(n), 1.0) for n in range(1_000)]
    kept = thinned(points)
    assert len(kept) == LONGEST_TABLE
    assert (kept[0], kept[-1]) == (points[0], points[-1])
