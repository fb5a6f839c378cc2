"""What a report says was judged: estimands by scope, the process, and how much there was to unlearn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from compliance.ui.charts.intervals import IntervalRow
from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.contracts import EstimandFinding, Evaluation, InfluenceFinding, Precision
from unlearning_jobs.wording import PROCESS, SCOPES, estimand_title, is_one_sided


@dataclass(frozen=True)
class ScopeShown:
    """A chart of estimands: those about the method, or those about the shipped model."""

    name: str
    title: str
    caption: str
    rows: list[IntervalRow]
    notes: list[str]
    """Sentences about margins that are wider than the protocol's, and about how many examples a share is of."""


def scopes_shown(evaluation: Evaluation) -> list[ScopeShown]:
    """Return a chart for each scope that anything was judged in."""
    captions = {
        "method": _(
            "About the method: each estimate with its interval over models or pairs, measured in its own margin. Within: the"
            " whole interval lies inside the margin."
        ),
        "shipped": _(
            "About the model that would be released, and no other: each estimate with the uncertainty of the oracles alone."
            " Where a mean is compared with that of its own oracle, there is none."
        ),
    }
    return [
        ScopeShown(
            name=scope,
            title=str(title),
            caption=captions[scope],
            rows=list(map(_interval_row, findings)),
            notes=[note for finding in findings for note in _notes(finding)],
        )
        for scope, title in SCOPES.items()
        if (findings := [f for f in evaluation.estimands if f.scope == scope])
    ]


def _interval_row(finding: EstimandFinding) -> IntervalRow:
    estimand = finding.estimand
    return IntervalRow(
        label=estimand_title(estimand),
        estimate=finding.estimate,
        low=finding.low,
        high=finding.high,
        margin=estimand.margin if finding.margin_used is None else finding.margin_used,
        position=finding.position,
        one_sided=is_one_sided(estimand),
    )


def _notes(finding: EstimandFinding) -> Iterator[str]:
    title = estimand_title(finding.estimand)
    if finding.judged is not None:
        yield ngettext(
            "%(title)s: %(n)d example could be judged by itself.",
            "%(title)s: %(n)d examples could be judged one by one.",
            finding.judged,
        ) % {"title": title, "n": finding.judged}
    if finding.margin_used is not None:
        yield _(
            "%(title)s: the margin used is %(used)s rather than the protocol’s %(own)s, because single oracles differ that"
            " much from one another, or unlearned models from their own oracles."
        ) % {"title": title, "used": number(finding.margin_used), "own": number(finding.estimand.margin)}


def process_shown(evaluation: Evaluation) -> list[dict[str, str]]:
    """Return what was established about how the result was made."""
    outcomes = {
        True: (pgettext("process", "shown"), "success"),
        False: (pgettext("process", "contradicted"), "danger"),
        None: (pgettext("process", "not shown"), "warning"),
    }
    return [
        {
            "title": str(PROCESS[check.name]),
            "sentence": check.sentence,
            "label": outcomes[check.held][0],
            "tone": outcomes[check.held][1],
        }
        for check in evaluation.process
    ]


def influence_sentence(finding: InfluenceFinding | None) -> str:
    """Say how much the forget set moves a model without any unlearning; empty if that was not measured."""
    if finding is None:
        return ""
    measured = _(
        "Without any unlearning, the examples move their own mean probability by %(low)s to %(high)s; %(limit)s was fixed"
        " beforehand as the limit of what counts as no influence."
    ) % {
        "low": number(finding.probability_low),
        "high": number(finding.probability_high),
        "limit": f"±{number(finding.limit)}",
    }
    known = ngettext(
        "%(n)d example is memorised measurably.", "%(n)d examples are memorised measurably.", finding.memorised
    ) % {"n": finding.memorised}
    conclusions = {
        True: _("So there is something to unlearn."),
        False: _("So no influence can be measured."),
        None: _("Whether there is anything to unlearn is undecided."),
    }
    return f"{measured} {known} {conclusions[finding.measurable]}"


def precision_sentence(precision: Precision | None) -> str:
    """Say how precisely this model and forget set can be judged; empty if that is not known."""
    if precision is None:
        return ""
    spread = _("From one oracle to another, the mean margin on the forget set varies by %(spread)s of the gap.") % {
        "spread": number(precision.spread)
    }
    if precision.saved_by_pairs is None:
        return spread
    saved = _("Independent differences vary %(saved)s times as much as those of the pairs (in variance).") % {
        "saved": number(precision.saved_by_pairs)
    }
    return f"{spread} {saved}"
