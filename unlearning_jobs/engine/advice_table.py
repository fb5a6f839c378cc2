"""Prints the advisor's list on the command line."""

from __future__ import annotations

from collections.abc import Iterator

from .advisor import PRIOR_FACTOR, REASONS, RULES, Advice, Estimate, Situation, about_placement, advise
from .catalogue import METHODS
from .contracts import JobSpec
from .corpora import Snapshot
from .preparation import job_facts, job_protocol

UNIT = "trainings of the model"


def advice_lines(spec: JobSpec) -> Iterator[str]:
    """List every method for requests in the advisor's order, and the rules of that order.

    The command line knows no finished jobs, so costs are not corrected by measurements and not given in seconds.

    Raises:
        EngineError: the spec has no protocol, or its corpus does not exist.
    """
    protocol = job_protocol(spec)
    facts = job_facts(spec, Snapshot.open(spec.snapshot.path, spec.snapshot.digest))
    situation = Situation(facts, annex=protocol, measured=protocol)
    for advice in advise(situation):
        yield f"{advice.method}  ({advice.guarantee})  {METHODS[advice.method].title}"
        yield from (f"    {line}" for line in _about(advice))
    yield from map(str, about_placement(facts))
    yield "This list is ordered by these rules and by counting examples. Only an evaluation says how well a method forgets."
    yield from (f"    {number}. {rule.sentence}" for number, rule in enumerate(RULES, start=1))
    yield f"Costs are in {UNIT}, with default settings. Without measurements the error is a factor of {PRIOR_FACTOR:g}."


def _about(advice: Advice) -> Iterator[str]:
    yield from advice.obstacles
    if advice.forecast:
        yield REASONS[advice.reason].sentence
        yield f"unlearning {_range(advice.forecast.unlearning)}, with the evaluation {_range(advice.forecast.total)}"
    if advice.budget and advice.budget.after is not None:
        yield f"budget for erasures used: {advice.budget.before:.0%}, including this job {advice.budget.after:.0%}"
    yield from (f"ends the promise of {name}" for name in advice.ends)


def _range(cost: Estimate) -> str:
    return f"{cost.middle:.2g} [{cost.low:.2g}, {cost.high:.2g}]"
