"""The advisor's list in words: a card for each method that can run, the others with what stops them, and the rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.advisor import PRIOR_FACTOR, REASONS, RULES, Advice, Estimate, Forecast, Situation
from unlearning_jobs.engine.catalogue import METHODS, Budget
from unlearning_jobs.wording import GUARANTEES, Words, duration, method_title

from .proposal_form import ProposalForm

PERCENT_UP_TO = 2
"""Trainings; above, percentages read badly."""


@dataclass(frozen=True)
class MethodCard:
    """A method as an officer sees it before choosing, with the fields of its settings."""

    name: str
    title: str
    description: str
    source: str
    guarantee: Words
    reason: str
    """For its place in the list."""
    cost: list[tuple[str, str]]
    """Rows of what is expected: names and words."""
    remarks: list[str]
    """What it leaves of the budgets for erasures."""
    obstacles: tuple[str, ...]
    settings: list[forms.BoundField]
    chosen: bool
    has_errors: bool


def method_cards(methods: Sequence[Advice], situation: Situation, form: ProposalForm) -> list[MethodCard]:
    """A card for each method, in the order of the list."""
    return [_card(advice, situation, form) for advice in methods]


def _card(advice: Advice, situation: Situation, form: ProposalForm) -> MethodCard:
    entry, fields = METHODS[advice.method], form.settings_of(advice.method)
    return MethodCard(
        name=advice.method,
        title=_(entry.title),
        description=_(entry.description),
        source=entry.source,
        guarantee=GUARANTEES[entry.guarantee],
        reason=_(REASONS[advice.reason].sentence),
        cost=cost_rows(advice.forecast, situation) if advice.forecast else [],
        remarks=remarks(advice),
        obstacles=advice.obstacles,
        settings=fields,
        chosen=advice.can_run and form["method"].value() == advice.method,
        has_errors=any(field.errors for field in fields),
    )


def rule_sentences() -> list[str]:
    """The rules of the order, in the order in which they apply."""
    return [_(rule.sentence) for rule in RULES]


def cost_rows(forecast: Forecast, situation: Situation) -> list[tuple[str, str]]:
    """What the method and its evaluation are expected to cost, each with its error: names and words."""
    rows = [(_("Unlearning"), _unlearning_words(forecast, situation))]
    if forecast.preparation.high > 0:
        name = _("Before that, once for all requests about this model version")
        rows.append((name, cost_words(forecast.preparation, situation)))
    return [*rows, (_("With its evaluation"), cost_words(forecast.total, situation))]


def _unlearning_words(forecast: Forecast, situation: Situation) -> str:
    if forecast.unlearning.high == 0:
        return _("no computation")
    if not forecast.jobs:
        basis = _("not measured on this installation yet, so the error is taken to be a factor of %(n)d either way") % {
            "n": PRIOR_FACTOR
        }
    else:
        basis = ngettext("measured in %(n)d job", "measured in %(n)d jobs", forecast.jobs) % {"n": forecast.jobs}
    return f"{cost_words(forecast.unlearning, situation)}; {basis}"


def cost_words(cost: Estimate, situation: Situation) -> str:
    """A cost with its interval: in time where that is known, else in trainings of the model."""
    if situation.clock == "known":
        return time_words(cost * situation.facts.trained_seconds)
    low, middle, high = cost.low, cost.middle, cost.high
    if high < PERCENT_UP_TO:
        words = _("about %(middle)s %% of training the model again (%(low)s to %(high)s %%)")
        low, middle, high = 100 * low, 100 * middle, 100 * high
    else:
        words = _("about %(middle)s × the cost of training the model again (%(low)s to %(high)s ×)")
    return words % {"low": _short(low), "middle": _short(middle), "high": _short(high)}


def time_words(seconds: Estimate) -> str:
    """A length of time with its interval; below a second only its upper end says anything."""
    if seconds.middle < 1:
        return _("up to %(high)s") % {"high": duration(math.ceil(seconds.high))}
    return _("about %(middle)s (%(low)s to %(high)s)") % {
        "middle": duration(seconds.middle),
        "low": duration(seconds.low),
        "high": duration(seconds.high),
    }


def _short(value: float) -> str:
    """Two significant digits: costs are not known better."""
    return number(float(f"{value:.2g}"))


def clock_words(situation: Situation) -> str:
    """Why costs are not told in time; empty where they are."""
    if situation.clock == "other_device":
        return _(
            "No times can be given: training this model was timed on %(one)s, and jobs last ran on %(other)s. Costs are"
            " compared with training the model again."
        ) % {"one": situation.trained_on, "other": situation.device}
    if situation.clock == "not_measured":
        return _(
            "No times can be given: it was not measured how long training this model takes here. Costs are compared with"
            " training the model again."
        )
    return ""


def remarks(advice: Advice) -> list[str]:
    """What the method leaves of the model's budgets for erasures, and which promises it ends."""
    sentences = [budget_words(advice.budget)] if advice.budget else []
    return sentences + [
        _("It ends what “%(method)s” promises: afterwards that cannot be chosen until the model is trained again.")
        % {"method": method_title(name)}
        for name in advice.ends
    ]


def budget_words(budget: Budget) -> str:
    """How much of a budget is used, and what would be left."""
    before = f"{100 * budget.before:.0f}"
    if budget.after is None:
        return _(
            "%(before)s %% of the model’s budget for erasures is used. What this erasure uses is known once its step is"
            " taken, before replicates and oracles are trained; if it is too much, the job ends there."
        ) % {"before": before}
    usage = _("%(before)s %% of the model’s budget for erasures is used; with this erasure, %(after)s %%.") % {
        "before": before,
        "after": f"{100 * budget.after:.0f}",
    }
    if budget.records_left is None:
        return usage
    remaining = ngettext(
        "After it, %(n)d more record can be erased.", "After it, %(n)d more records can be erased.", budget.records_left
    )
    return f"{usage} {remaining % {'n': budget.records_left}}"


def guarantee_rows() -> list[Words]:
    """The guarantees that methods for requests have, strongest first."""
    return [GUARANTEES[name] for name in ("exact", "certified", "empirical", "suppression", "control")]
