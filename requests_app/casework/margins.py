"""Put what a protocol judges into words."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.contracts import Estimand
from unlearning_jobs.wording import estimand_title


def margin_rows(estimands: Iterable[Estimand]) -> list[list[object]]:
    """Return table rows: quantity, statistic, margin."""
    return [
        [estimand_title(estimand), estimand.statistic.replace("_", " "), margin_words(estimand)] for estimand in estimands
    ]


def margin_words(estimand: Estimand) -> str:
    sign = "≤ " if estimand.kind == "deviation" else "± "
    if estimand.unit == "gap":
        return _("%(margin)s of the gap between original and oracles") % {"margin": sign + number(estimand.margin)}
    return _("%(margin)s, absolute") % {"margin": sign + number(estimand.margin)}
