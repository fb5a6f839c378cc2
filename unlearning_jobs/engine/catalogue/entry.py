"""What an entry of the tables says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from unlearning_jobs.engine.contracts import Guarantee, Recipe, UnlearningStep
from unlearning_jobs.engine.contracts.architectures import ARCHITECTURES

GRADIENT_FAMILIES: Final = ("causal_lm", "text_classifier", "classifier")
"""Those that learn by gradient steps, and so can unlearn by them."""
EVERY_FAMILY: Final = tuple(ARCHITECTURES)
TEXT_FAMILIES: Final = ("causal_lm",)
"""Those whose answer is a text."""
CLASS_FAMILIES: Final = tuple(family for family in EVERY_FAMILY if family not in TEXT_FAMILIES)
"""Those whose answer is a class."""

FORWARD_SHARE: Final = 1 / 3
"""Of a pass forwards and backwards, the part that a pass forwards is: the way back costs twice as much (Kaplan et al. 2020,
arXiv 2001.08361, section 2.1)."""


@dataclass(frozen=True)
class Option:
    """A hyper-parameter: its kind, default, and the values it may take."""

    name: str
    kind: Literal["int", "float", "choice"]
    default: int | float | str
    description: str
    low: float = 0.0
    high: float = 1e9
    choices: tuple[str, ...] = ()
    by_family: Mapping[str, int | float | str] = field(default_factory=dict)
    """Defaults of families that the common one does not suit: what a text's many tokens need is too little for a class."""

    def default_for(self, family: str | None) -> int | float | str:
        """The default on models of this family; the common one where none is named."""
        return self.default if family is None else self.by_family.get(family, self.default)


def for_classifiers(options: Iterable[Option], **defaults: float | str) -> tuple[Option, ...]:
    """The options, those named with another default for classifiers.

    Their defaults were tuned on scikit-learn's digits, on other forget sets and seeds than `make bench-digits` measures with
    (docs/benchmarks/classifiers.md). Language models keep those that were tuned for them.
    """
    changed = {
        o.name: replace(o, by_family={"classifier": defaults.pop(o.name)}) if o.name in defaults else o for o in options
    }
    if defaults:
        message = f"There is no option {', '.join(defaults)}."
        raise ValueError(message)
    return tuple(changed.values())


@dataclass(frozen=True)
class Facts:
    """What is known of a job before it runs."""

    recipe: Recipe
    forget: int
    """Examples to forget now."""
    retain: int
    held_out: int
    forgotten: int = 0
    """Examples that the same model has forgotten before."""
    trained_seconds: float = 0.0
    earlier: tuple[UnlearningStep, ...] = ()
    """How the same model has forgotten before, oldest first."""
    epsilon: float | None = None
    """Of one record, as the model's folder says, for a model that was trained privately; None where it is not known."""
    budget_spent: float = 0.0
    """Share of its budget for certified removal that the model has used, as its folder says."""


Config = Mapping[str, Any]
"""A method's hyper-parameters, complete."""
Cost = Callable[[Facts, Config], float]
"""Expected cost as a share of training the model again, counted in examples that pass forwards and backwards."""
Obstacles = Callable[[Facts, Config], list[str]]
"""Why a method cannot run, in sentences."""


@dataclass(frozen=True)
class Budget:
    """How much of what a model may spend on erasures is spent, as a share; beyond 1 nothing is promised any more."""

    before: float
    """By the erasures since the model was trained."""
    after: float | None
    """With this one; None where only the method's own step says it."""
    records_left: int | None = None
    """Records that may be erased after this one; None where that depends on which they are."""


Budgeting = Callable[[Facts, Config], Budget | None]
"""What an erasure spends; None where nothing is spent, or where it is not known."""


def as_much_as_training(_facts: Facts, _config: Config) -> float:
    """The cost of one training."""
    return 1.0


def nothing_to_prepare(_facts: Facts, _config: Config) -> float:
    """The cost of a method that computes nothing beforehand."""
    return 0.0


def no_budget(_facts: Facts, _config: Config) -> Budget | None:
    """Of a method that spends nothing."""
    return None


def none_of_its_own(_facts: Facts, _config: Config) -> list[str]:
    """No obstacle."""
    return []


@dataclass(frozen=True)
class MethodEntry:
    """An unlearning method."""

    name: str
    title: str
    guarantee: Guarantee
    families: tuple[str, ...]
    source: str
    description: str
    options: tuple[Option, ...] = ()
    cost: Cost = as_much_as_training
    obstacles: Obstacles = none_of_its_own
    """Why this method cannot run, apart from what stops every method."""
    for_production: bool = True
    """Whether it may be chosen for a request; if not, it is there for benchmarks alone."""
    preparation: Cost = nothing_to_prepare
    """Of what is computed once per model version and serves all its requests; not part of `cost`."""
    budget: Budgeting = no_budget
    """What is left of what the model may spend on erasures."""


@dataclass(frozen=True)
class MetricEntry:
    """A metric: reported beside the verdict, never the verdict itself."""

    name: str
    title: str
    source: str
    description: str
    families: tuple[str, ...] = EVERY_FAMILY
    """Whose outputs have what it is worked out from."""
    fewest_models: int = 1
    """Unlearned models, and oracles, without which it says nothing."""


def listed(families: Sequence[str]) -> str:
    """The families in words: a, b and c."""
    return " and ".join(filter(None, (", ".join(families[:-1]), families[-1])))
