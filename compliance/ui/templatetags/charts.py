"""Template tags for charts as SVG, each with a sentence, a table and a CSV link. `{% load charts %}`.

The frame is `components/chart.html`, the drawings are in `components/charts/`, the geometry is in `compliance.ui.charts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.translation import gettext, pgettext

from compliance.ui.charts.bands import BandChart, Path
from compliance.ui.charts.bands import band_chart as bands_drawn
from compliance.ui.charts.histograms import HistogramChart, histogram_chart
from compliance.ui.charts.intervals import IntervalChart, IntervalRow
from compliance.ui.charts.intervals import interval_chart as intervals_drawn
from compliance.ui.charts.lines import LineChart, Point
from compliance.ui.charts.lines import line_chart as lines_drawn

from .components import number

register = template.Library()


@register.inclusion_tag("components/chart.html")
def histogram_pair(
    chart_id: str,
    *,
    caption: str,
    oracle: Sequence[float],
    unlearned: Sequence[float],
    original: Sequence[float] = (),
    axis: str = "",
    csv_url: str = "",
) -> dict[str, Any]:
    """Draw the distributions of a statistic one below the other: original models, unlearned models, oracles.

    `{% histogram_pair "forget" oracle=a unlearned=b original=c axis=_("Margin") caption=sentence csv_url=url %}`
    """
    groups = {
        gettext("Original (nothing done)"): original,
        gettext("Unlearned"): unlearned,
        gettext("Oracles (trained without it)"): oracle,
    }
    chart = histogram_chart(groups)
    panels = chart.panels if chart else ()
    return {
        "caption": caption,
        "chart_id": chart_id,
        **_drawing(chart, "components/charts/histogram.html"),
        "axis": axis,
        "csv_url": csv_url,
        "columns": [gettext("Models"), gettext("Values"), gettext("Lowest"), gettext("Median"), gettext("Highest")],
        "rows": [
            [panel.name, panel.count, number(min(groups[panel.name])), number(panel.median), number(max(groups[panel.name]))]
            for panel in panels
        ],
    }


@register.inclusion_tag("components/chart.html")
def line_chart(
    chart_id: str,
    *,
    caption: str,
    series: Mapping[str, Sequence[Point]],
    x_label: str = "",
    y_label: str = "",
    csv_url: str = "",
) -> dict[str, Any]:
    """Draw named series of (x, y) points, labelled at their ends. `series` maps each name, in words, to its points.

    `{% line_chart "loss" series=curves x_label=_("Step") y_label=_("Loss") caption=sentence %}`
    """
    chart = lines_drawn(series)
    return {
        "caption": caption,
        "chart_id": chart_id,
        **_drawing(chart, "components/charts/lines.html"),
        "x_label": x_label,
        "y_label": y_label,
        "csv_url": csv_url,
        "columns": [gettext("Series"), x_label or "x", y_label or "y"],
        "rows": [[name, number(x), number(y)] for name, points in series.items() for x, y in thinned(points)],
    }


@register.inclusion_tag("components/chart.html")
def interval_chart(chart_id: str, *, caption: str, rows: Sequence[IntervalRow], csv_url: str = "") -> dict[str, Any]:
    """Draw estimates with confidence intervals against their margins. `rows` are `intervals.IntervalRow`s.

    `{% interval_chart "estimands" rows=rows caption=sentence csv_url=url %}`
    """
    chart = intervals_drawn(rows)
    return {
        "caption": caption,
        "chart_id": chart_id,
        **_drawing(chart, "components/charts/intervals.html"),
        "csv_url": csv_url,
        "columns": [gettext("Quantity"), gettext("Estimate"), gettext("Interval"), gettext("Margin"), gettext("Position")],
        "rows": [
            [row.label, number(row.estimate), interval_words(row), margin_words(row), position_word(row.position)]
            for row in rows
        ],
    }


@register.inclusion_tag("components/chart.html")
def band_chart(
    chart_id: str,
    *,
    caption: str,
    steps: Sequence[float],
    paths: Sequence[Path],
    band: float,
    stop: float,
    best: float,
    rows: Sequence[Sequence[object]] = (),
    columns: Sequence[str] = (),
    csv_url: str = "",
) -> dict[str, Any]:
    """Draw the paths of examples over a run against the band of their oracles. `paths` are `bands.Path`s.

    `{% band_chart "trajectory" steps=steps paths=paths band=2 stop=40 best=30 rows=rows columns=columns caption=sentence %}`
    """
    chart = bands_drawn(steps, paths, band=band, stop=stop, best=best)
    return {
        "caption": caption,
        "chart_id": chart_id,
        **_drawing(chart, "components/charts/bands.html"),
        "csv_url": csv_url,
        "columns": columns,
        "rows": rows,
    }


def _drawing(chart: HistogramChart | LineChart | IntervalChart | BandChart | None, template: str) -> dict[str, object]:
    """Return what the template of every chart needs; without a chart, what makes it say that there is nothing to draw."""
    return {"chart": chart, "drawing": template if chart else "", "left_out": chart.left_out if chart else 0}


@register.filter
def interval_words(row: IntervalRow) -> str:
    return gettext("%(low)s to %(high)s") % {"low": number(row.low), "high": number(row.high)}


@register.filter
def margin_words(row: IntervalRow) -> str:
    return ("≤ " if row.one_sided else "± ") + number(row.margin)


@register.filter
def position_word(position: str) -> str:
    """Put into words where an interval lies relative to its margin."""
    words = {
        "within": pgettext("interval", "within the margin"),
        "below": pgettext("interval", "below the margin"),
        "above": pgettext("interval", "above the margin"),
        "undecided": pgettext("interval", "undecided"),
    }
    return words.get(position, position)


LONGEST_TABLE = 12
"""Points per series in the table beside a line chart. The CSV contains all of them."""


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Return at most LONGEST_TABLE of the points, evenly spaced, with the last one."""
    if len(points) <= LONGEST_TABLE:
        return points
    step = (len(points) - 1) / (LONGEST_TABLE - 1)
    return [points[round(n * step)] for n in range(LONGEST_TABLE)]
