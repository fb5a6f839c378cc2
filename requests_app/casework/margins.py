"""Put what a protocol judges into words."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.contracts import Estimand
from unlearning_jobs.wording import estimand_title, is_one_sided


def margin_rows(estimands: Iterable[Estimand]) -> list[list[object]]:
    """Return table rows: quantity, statistic, margin."""
    return [
        [estimand_title(estimand), estimand.statistic.replace("_", " "), margin_words(estimand)] for estimand in estimands
    ]


def margin_words(estimand: Estimand) -> str:
    sign = "≤ " if is_one_sided(estimand) else "± "
    if estimand.kind == "missed":
        return _("%(margin)s of the examples that were memorised, still nearer to the original than to the oracle") % {
            "margin": sign + number(estimand.margin)
        }
    if estimand.kind == "damaged":
        return _("%(margin)s of the examples, each lower than the oracles by more than %(threshold)s") % {
            "margin": sign + number(estimand.margin),
            "threshold": number(estimand.threshold),
        }
    if estimand.unit == "gap":
        return _("%(margin)s of the gap between original and oracles") % {"margin": sign + number(estimand.margin)}
    return _("%(margin)s, absolute") % {"margin": sign + number(estimand.margin)}
