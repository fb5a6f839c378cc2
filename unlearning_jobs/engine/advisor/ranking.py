"""The rules by which methods are put in order, each with the sentence that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from unlearning_jobs.engine.catalogue import METHODS, Budget, budget_left, obstacles
from unlearning_jobs.engine.contracts import Guarantee
from unlearning_jobs.engine.privacy_budget import TRAINING_METHOD
from unlearning_jobs.engine.translation import gettext_noop as _

from .cost_model import Forecast, Measurement, Situation, forecast

GUARANTEES: Final[tuple[Guarantee, ...]] = ("exact", "certified", "empirical", "suppression", "control")
"""Strongest first."""
ReasonCode = Literal["cheapest", "costlier", "equal", "late", "blocked"]


@dataclass(frozen=True)
class Rule:
    """A rule of the order, or the reason for a place in it: a code, and an English sentence to translate."""

    code: str
    sentence: str


RULES: Final = (
    Rule("obstacles", _("A method that cannot run here comes after all that can, with everything that stops it.")),
    Rule(
        "deadline",
        _(
            "A method whose job may end after the deadline comes below those that end before it. The upper end of the"
            " expected duration decides."
        ),
    ),
    Rule("guarantee", _("Exact comes before certified, certified before empirical, then suppression, and a control last.")),
    Rule(
        "cost",
        _(
            "Within a guarantee, what is expected to cost less comes first. The evaluation counts as well: it usually takes"
            " longer than the unlearning."
        ),
    ),
    Rule("name", _("What is expected to cost the same goes by the method’s English name.")),
)
"""In the order in which they apply."""
REASONS: Final[Mapping[str, Rule]] = {
    rule.code: rule
    for rule in (
        Rule("cheapest", _("Of the methods with this guarantee that end in time, it is expected to cost least.")),
        Rule("costlier", _("It has the guarantee of the method above it and is expected to cost more.")),
        Rule("equal", _("It has the guarantee and the expected cost of the method above it.")),
        Rule("late", _("Its job may end after the deadline, so it comes below those that end before it.")),
        Rule("blocked", _("It cannot run here.")),
    )
}


@dataclass(frozen=True)
class Advice:
    """A method in its place."""

    method: str
    guarantee: Guarantee
    obstacles: tuple[str, ...]
    """Everything that stops it, in sentences."""
    forecast: Forecast | None
    """None of a method that cannot run."""
    in_time: bool | None
    """Whether its job ends before the deadline, by the upper end of the forecast; None where that cannot be said."""
    reason: ReasonCode
    """For its place: a key of `REASONS`."""
    budget: Budget | None = None
    """Of a method that can run and spends one."""
    ends: tuple[str, ...] = ()
    """Certified methods that can run now and, once this method has changed the model, no longer can: their promise is about
    the model as it was trained."""

    @property
    def can_run(self) -> bool:
        """Whether nothing stops it."""
        return not self.obstacles


def advise(situation: Situation, measurements: Sequence[Measurement] = ()) -> tuple[Advice, ...]:
    """Every method for requests with its default settings, in the order of `RULES`.

    Pure: the same arguments give the same list, and the order in which measurements come does not matter.
    """
    found = {m.name: tuple(obstacles(m.name, situation.facts)) for m in METHODS.values() if m.for_production}
    certified = tuple(name for name, stops in found.items() if not stops and METHODS[name].guarantee == "certified")
    options = [_option(name, stops, situation, measurements, certified) for name, stops in found.items()]
    return _with_reasons(sorted(options, key=_place))


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
        reason="cheapest",
        budget=budget_left(name, situation.facts),
        ends=ended,
    )


def _in_time(expected: Forecast, situation: Situation) -> bool | None:
    if situation.seconds_left is None:
        return None
    if situation.seconds_left <= 0:
        return False
    if situation.clock != "known":
        return None
    return expected.total.high * situation.facts.trained_seconds <= situation.seconds_left


def _place(advice: Advice) -> tuple[bool, bool, int, float, str]:
    title = METHODS[advice.method].title
    return not advice.can_run, advice.in_time is False, GUARANTEES.index(advice.guarantee), _cost(advice), title


def _cost(advice: Advice) -> float:
    return advice.forecast.total.middle if advice.forecast else 0.0


def _with_reasons(ordered: Sequence[Advice]) -> tuple[Advice, ...]:
    above = [None, *ordered[:-1]]
    return tuple(replace(own, reason=_reason(own, other)) for own, other in zip(ordered, above, strict=True))


def _reason(own: Advice, above: Advice | None) -> ReasonCode:
    if not own.can_run:
        return "blocked"
    if own.in_time is False:
        return "late"
    if above is None or above.guarantee != own.guarantee:
        return "cheapest"
    return "costlier" if _cost(own) > _cost(above) else "equal"
