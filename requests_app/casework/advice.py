"""Put the advisor's list into words: a card for each method with its cost or its obstacles, and the rules of the order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.formats.verdicts import GUARANTEES
from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.advisor import PRIOR_FACTOR, REASONS, RULES, Advice, Estimate, Forecast, Situation
from unlearning_jobs.engine.catalogue import METHODS, Budget
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.origins import guarantee_about
from unlearning_jobs.wording import GUARANTEE_WORDS, Words, duration, method_title

from .proposal_form import ProposalForm

PERCENT_UP_TO = 2
"""Costs are given in percent up to this many trainings; above it, percentages read badly."""


@dataclass(frozen=True)
class MethodCard:
    """A method as an officer sees it before choosing, with the form fields for its settings."""

    name: str
    title: str
    description: str
    source: str
    guarantee: Words
    reason: str
    """Why the method has its place in the list."""
    cost: list[tuple[str, str]]
    """Rows of expected costs: name and words."""
    remarks: list[str]
    """What the method does to the model's erasure budgets."""
    obstacles: tuple[str, ...]
    settings: list[forms.BoundField]
    chosen: bool
    has_errors: bool


def method_cards(methods: Sequence[Advice], situation: Situation, form: ProposalForm) -> list[MethodCard]:
    """Return a card for each method, in the order of the list."""
    return [_card(advice, situation, form) for advice in methods]


def _card(advice: Advice, situation: Situation, form: ProposalForm) -> MethodCard:
    entry, fields = METHODS[advice.method], form.settings_of(advice.method)
    return MethodCard(
        name=advice.method,
        title=_(entry.title),
        description=_(entry.description),
        source=entry.source,
        guarantee=GUARANTEE_WORDS[entry.guarantee],
        reason=_(REASONS[advice.reason].sentence),
        cost=cost_rows(advice.forecast, situation) if advice.forecast else [],
        remarks=remarks(advice),
        obstacles=advice.obstacles,
        settings=fields,
        chosen=advice.can_run and form["method"].value() == advice.method,
        has_errors=any(field.errors for field in fields),
    )


def rule_sentences() -> list[str]:
    """Return the rules for the order of the list, in the order in which they apply."""
    return [_(rule.sentence) for rule in RULES]


def cost_rows(forecast: Forecast, situation: Situation) -> list[tuple[str, str]]:
    """Return the expected costs of the method and its evaluation, each with its error, as names and words."""
    rows = [(_("Unlearning"), _unlearning_words(forecast, situation))]
    if forecast.preparation.high > 0:
        name = _("Preparation, once for all requests about this model version")
        rows.append((name, cost_words(forecast.preparation, situation)))
    if forecast.least == forecast.total:
        return [*rows, (_("Including the evaluation"), cost_words(forecast.total, situation))]
    return [
        *rows,
        (_("Including the evaluation, if its first look decides"), cost_words(forecast.least, situation)),
        (_("Including the evaluation, if it takes all looks"), cost_words(forecast.total, situation)),
    ]


def _unlearning_words(forecast: Forecast, situation: Situation) -> str:
    if forecast.unlearning.high == 0:
        return _("no computation")
    if not forecast.jobs:
        basis = _("not measured on this installation yet, so assumed accurate to within a factor of %(n)d") % {
            "n": PRIOR_FACTOR
        }
    else:
        basis = ngettext("measured in %(n)d job", "measured in %(n)d jobs", forecast.jobs) % {"n": forecast.jobs}
    return f"{cost_words(forecast.unlearning, situation)}; {basis}"


def cost_words(cost: Estimate, situation: Situation) -> str:
    """Return a cost with its interval: in time if that is known, otherwise relative to training the model."""
    if situation.clock == "known":
        return time_words(cost * situation.facts.trained_seconds)
    low, middle, high = cost.low, cost.middle, cost.high
    as_it_was, in_percent = situation.facts.assurance != "behavioural", high < PERCENT_UP_TO
    if in_percent:
        low, middle, high = 100 * low, 100 * middle, 100 * high
    if in_percent and as_it_was:
        words = _("about %(middle)s%% of the cost of retraining the model (%(low)s%% to %(high)s%%)")
    elif in_percent:
        words = _("about %(middle)s%% of the cost of one training by the recipe (%(low)s%% to %(high)s%%)")
    elif as_it_was:
        words = _("about %(middle)s × the cost of retraining the model (%(low)s to %(high)s ×)")
    else:
        words = _("about %(middle)s × the cost of one training by the recipe (%(low)s to %(high)s ×)")
    return words % {"low": _short(low), "middle": _short(middle), "high": _short(high)}


def time_words(seconds: Estimate) -> str:
    """Return a duration with its interval. Below a second, only the upper end is informative."""
    if seconds.middle < 1:
        return _("up to %(high)s") % {"high": duration(math.ceil(seconds.high))}
    return _("about %(middle)s (%(low)s to %(high)s)") % {
        "middle": duration(seconds.middle),
        "low": duration(seconds.low),
        "high": duration(seconds.high),
    }


def _short(value: float) -> str:
    """Round to two significant digits: costs are not known more precisely."""
    return number(float(f"{value:.2g}"))


def clock_words(situation: Situation) -> str:
    """Return why costs are not given in time; empty if they are."""
    if situation.facts.assurance == "behavioural":
        return _(
            "Times cannot be estimated: nobody declared how this model was trained. Costs are relative to one training by"
            " the recipe, which only says what methods need."
        )
    if situation.clock == "other_device":
        return _(
            "Times cannot be estimated: the training of this model was timed on %(trained_on)s, but the latest jobs ran on"
            " %(device)s. Costs are relative to retraining the model."
        ) % {"trained_on": situation.trained_on, "device": situation.device}
    if situation.clock == "not_measured":
        return _(
            "Times cannot be estimated: the training of this model was not timed here. Costs are relative to retraining the"
            " model."
        )
    return ""


def remarks(advice: Advice) -> list[str]:
    """Return what the method does to the model's erasure budget, and which guarantees it ends."""
    sentences = [budget_words(advice.budget)] if advice.budget else []
    return sentences + [
        _("It ends the guarantee of “%(method)s”: you cannot choose that method again until the model has been retrained.")
        % {"method": method_title(name)}
        for name in advice.ends
    ]


def budget_words(budget: Budget) -> str:
    """Return how much of a budget is used, and what the erasure would leave."""
    before = f"{100 * budget.before:.0f}"
    if budget.after is None:
        return _(
            "%(before)s%% of the model’s erasure budget is used. What this erasure adds is known once the unlearning step"
            " has run, before replicates and oracles are trained. If it is too much, the job stops there."
        ) % {"before": before}
    usage = _("%(before)s%% of the model’s erasure budget is used. This erasure brings it to %(after)s%%.") % {
        "before": before,
        "after": f"{100 * budget.after:.0f}",
    }
    if budget.examples_left is None:
        return usage
    remaining = ngettext(
        "After that, %(n)d more example can be erased.",
        "After that, %(n)d more examples can be erased.",
        budget.examples_left,
    )
    return f"{usage} {remaining % {'n': budget.examples_left}}"


def guarantee_rows(base: ModelVersion) -> list[Words]:
    """Return the guarantees of the methods on offer for a model, strongest first."""
    return [guarantee_about(name, base) for name in GUARANTEES]
