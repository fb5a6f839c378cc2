"""The rules that put methods in order, each with the sentence that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from compliance.formats.certificates import TRAINING_METHOD
from compliance.formats.translation import gettext_noop as _
from compliance.formats.verdicts import GUARANTEES, Guarantee
from unlearning_jobs.engine.catalogue import METHODS, Budget, budget_left, obstacles

from .cost_model import Forecast, Measurement, Situation, forecast

ReasonCode = Literal["cheapest", "costlier", "equal", "late", "blocked"]


@dataclass(frozen=True)
class Rule:
    """A rule of the order, or the reason for a position in it: a code, and an English sentence to translate."""

    code: str
    sentence: str


RULES: Final = (
    Rule("obstacles", _("Methods that cannot run here come last, each with everything that prevents it.")),
    Rule(
        "deadline",
        _(
            "Methods whose job may end after the deadline come below those that end in time. The upper end of the expected"
            " duration decides."
        ),
    ),
    Rule("guarantee", _("Exact methods come first, then certified ones, empirical ones, suppression, and controls.")),
    Rule(
        "cost",
        _(
            "Within a guarantee, the lower expected cost comes first. It includes the evaluation, which usually takes longer"
            " than the unlearning."
        ),
    ),
    Rule("name", _("Methods with the same expected cost are sorted by their English names.")),
)
"""In the order in which they apply."""
REASONS: Final[Mapping[str, Rule]] = {
    rule.code: rule
    for rule in (
        Rule("cheapest", _("Of the methods with this guarantee that end in time, it has the lowest expected cost.")),
        Rule("costlier", _("It has the same guarantee as the method above it and a higher expected cost.")),
        Rule("equal", _("It has the same guarantee and the same expected cost as the method above it.")),
        Rule("late", _("Its job may end after the deadline, so it comes below those that end in time.")),
        Rule("blocked", _("It cannot run here.")),
    )
}


@dataclass(frozen=True)
class Advice:
    """A method at its position in the list."""

    method: str
    guarantee: Guarantee
    obstacles: tuple[str, ...]
    """Everything that prevents it from running, in sentences."""
    forecast: Forecast | None
    """None for a method that cannot run."""
    in_time: bool | None
    """Whether its job ends before the deadline, by the upper end of the forecast; None if unknown."""
    reason: ReasonCode
    """Reason for its position: a key of `REASONS`."""
    budget: Budget | None = None
    """The budget that the method spends; None if it spends none or cannot run."""
    ends: tuple[str, ...] = ()
    """Certified methods that can run now, but no longer once this method has changed the model: their promise is about the
    model as it was trained."""

    @property
    def can_run(self) -> bool:
        """Return whether nothing prevents the method from running."""
        return not self.obstacles


def advise(situation: Situation, measurements: Sequence[Measurement] = ()) -> tuple[Advice, ...]:
    """Return every method for requests, with its default settings, in the order of `RULES`.

    The function is pure: the same arguments give the same list. The order of the measurements does not matter.
    """
    # 1. What prevents each method, and which certificates a change of the model would end.
    by_method = {m.name: tuple(obstacles(m.name, situation.facts)) for m in METHODS.values() if m.for_production}
    certified = tuple(name for name, stops in by_method.items() if not stops and METHODS[name].guarantee == "certified")
    # 2. The cost of the others, and the order.
    options = [_option(name, stops, situation, measurements, certified) for name, stops in by_method.items()]
    return _with_reasons(sorted(options, key=_position))


def _option(
    name: str,
    stops: tuple[str, ...],
    situation: Situation,
    measurements: Sequence[Measurement],
    certified: tuple[str, ...],
) -> Advice:
    guarantee = METHODS[name].guarantee
    if stops:
        return Advice(name, guarantee, stops, forecast=None, in_time=None, reason="blocked")
    expected = forecast(name, situation, measurements)
    ended = () if name == TRAINING_METHOD else tuple(other for other in certified if other != name)
    return Advice(
        name,
        guarantee,
        obstacles=(),
        forecast=expected,
        in_time=_in_time(expected, situation),
        reason="cheapest",  # replaced once the order is known
        budget=budget_left(name, situation.facts),
        ends=ended,
    )


def _in_time(expected: Forecast, situation: Situation) -> bool | None:
    if situation.seconds_left is None:
        return None
    if situation.seconds_left <= 0:  # known without a clock
        return False
    if situation.clock != "known":
        return None
    return expected.total.high * situation.facts.trained_seconds <= situation.seconds_left


def _position(advice: Advice) -> tuple[bool, bool, int, float, str]:
    title = METHODS[advice.method].title
    return not advice.can_run, advice.in_time is False, GUARANTEES.index(advice.guarantee), _cost(advice), title


def _cost(advice: Advice) -> float:
    return advice.forecast.total.middle if advice.forecast else 0.0


def _with_reasons(ordered: Sequence[Advice]) -> tuple[Advice, ...]:
    above = [None, *ordered[:-1]]
    return tuple(replace(advice, reason=_reason(advice, other)) for advice, other in zip(ordered, above, strict=True))


def _reason(advice: Advice, above: Advice | None) -> ReasonCode:
    if not advice.can_run:
        return "blocked"
    if advice.in_time is False:
        return "late"
    if above is None or above.guarantee != advice.guarantee:
        return "cheapest"
    return "costlier" if _cost(advice) > _cost(above) else "equal"
