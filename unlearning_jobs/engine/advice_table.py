"""The advisor's list for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from .advisor import PRIOR_FACTOR, REASONS, RULES, Advice, Estimate, Situation, advise
from .catalogue import METHODS
from .contracts import JobSpec
from .corpora import Snapshot
from .preparation import job_facts, job_protocol

UNIT = "trainings of the model"


def advice_lines(spec: JobSpec) -> Iterator[str]:
    """Every method for requests in the advisor's order, and the rules of that order. There are no finished jobs to learn
    from here, and no clock.

    Raises:
        EngineError: the spec has no protocol, or its corpus is not there.
    """
    protocol = job_protocol(spec)
    facts = job_facts(spec, Snapshot.open(spec.snapshot.path, spec.snapshot.digest))
    situation = Situation(facts, replicates=len(protocol.replicate_seeds), oracles=len(protocol.oracle_seeds))
    for advice in advise(situation):
        yield f"{advice.method}  ({advice.guarantee})  {METHODS[advice.method].title}"
        yield from (f"    {line}" for line in _about(advice))
    yield "How this list is ordered: by rules, and by examples counted. Only an evaluation says how well a method forgets."
    yield from (f"    {number}. {rule.sentence}" for number, rule in enumerate(RULES, start=1))
    yield f"Costs are in {UNIT}, with default settings. Without measurements the error is a factor of {PRIOR_FACTOR:g}."


def _about(advice: Advice) -> Iterator[str]:
    yield from advice.obstacles
    if advice.forecast:
        yield REASONS[advice.reason].sentence
        yield f"unlearning {_range(advice.forecast.unlearning)}, with its evaluation {_range(advice.forecast.total)}"
    if advice.budget and advice.budget.after is not None:
        yield f"budget for erasures used: {advice.budget.before:.0%}, with this one {advice.budget.after:.0%}"
    yield from (f"ends what {name} promises" for name in advice.ends)


def _range(cost: Estimate) -> str:
    return f"{cost.middle:.2g} [{cost.low:.2g}, {cost.high:.2g}]"
