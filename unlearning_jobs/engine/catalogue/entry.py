"""The entries of the tables of methods and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from unlearning_jobs.engine.contracts import Assurance, Guarantee, Recipe, UnlearningStep
from unlearning_jobs.engine.contracts.families import (
    Answers,
    FamilyDescription,
    Requirement,
    describe_family,
    families_that,
)

FORWARD_SHARE: Final = 1 / 3
"""Cost of a forward pass as a share of a forward and a backward pass: the backward pass costs twice as much (Kaplan et al.
2020, arXiv 2001.08361, section 2.1)."""


def every_family(_family: FamilyDescription) -> bool:
    """Accept every family."""
    return True


def learns_by_gradient(family: FamilyDescription) -> bool:
    """Accept families that learn by gradient steps, and so can unlearn by them."""
    return family.learns_by_gradient


def answers_with_text(family: FamilyDescription) -> bool:
    """Accept families whose answers are texts."""
    return family.answers == "text"


def has_hidden_layers(family: FamilyDescription) -> bool:
    """Accept families that learn by gradient steps and whose hidden layers can be read."""
    return family.learns_by_gradient and family.has_hidden_layers


def shows_its_layers(family: FamilyDescription) -> bool:
    """Accept families that answer in texts and whose hidden layers can be read."""
    return has_hidden_layers(family) and answers_with_text(family)


def has_reference(family: FamilyDescription) -> bool:
    """Accept families that answer in texts and start from a checkpoint, which is a model that learned nothing here."""
    return answers_with_text(family) and family.starts_from_base


def answers_with_class(family: FamilyDescription) -> bool:
    """Accept families whose answers are classes."""
    return family.answers == "class"


@dataclass(frozen=True)
class Option:
    """A hyper-parameter: its kind, its default, and the values that it may take."""

    name: str
    kind: Literal["int", "float", "choice"]
    default: int | float | str
    description: str
    low: float = 0.0
    high: float = 1e9
    choices: tuple[str, ...] = ()
    tuned: Mapping[tuple[Answers, str], int | float | str] = field(default_factory=dict)
    """Defaults that were tuned for models with such answers, trained by this optimiser. All others get `default`."""

    def default_for(self, recipe: Recipe | None) -> int | float | str:
        """Return the default for models of this recipe, or the common default if none is given."""
        if recipe is None:
            return self.default
        return self.tuned.get((describe_family(recipe.family).answers, recipe.optimizer), self.default)


def for_classifiers(options: Iterable[Option], **defaults: float | str) -> tuple[Option, ...]:
    """Give the options that are named another default for models that answer with a class and were trained by SGD.

    They were tuned on scikit-learn's digits and networks trained by SGD, with other forget sets and seeds than those that
    `make bench-digits` measures (docs/benchmarks/classifiers.md). With AdamW, some of these learning rates destroy a model:
    SCRUB's took a small text classifier from 97 % to 17 % of the retain set. So a recipe with AdamW gets the common
    defaults, which were tuned on language models with AdamW.

    This is not so of the methods in `preferences` and `tokens`, of `rmu` and `task_vector`: both defaults of these were set
    by trying a few on small models like those of `engine.example`, and no benchmark has measured them.
    """
    changed = {
        o.name: replace(o, tuned={("class", "sgd"): defaults.pop(o.name)}) if o.name in defaults else o for o in options
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
    """Examples that the same model forgot earlier."""
    trained_seconds: float = 0.0
    earlier: tuple[UnlearningStep, ...] = ()
    """The earlier unlearning steps of the same model, oldest first."""
    erased_elsewhere: int = 0
    """Examples that the model knows, that were erased elsewhere, and that this job neither forgets nor retains."""
    epsilon: float | None = None
    """Epsilon for one record of a privately trained model, as its folder says; None if it is not known."""
    budget_spent: float = 0.0
    """Share of the budget for certified removal that the model has used, as its folder says."""
    with_wrong_answers: int | None = None
    """Examples to forget now for which the corpus has wrong answers; None if that is not known."""
    with_prompts: int | None = None
    """Examples to forget now that have a prompt; None if that is not known."""
    with_other_wordings: int | None = None
    """Examples to forget now for which the corpus has the question in other words; None if that is not known."""
    with_long_answers: int | None = None
    """Examples to forget now whose answers are more than one token, whatever the tokens are; None if that is not known."""
    touched: float | None = None
    """Share of one training in the stages of a recipe's shards that saw an example to forget now; None if not known."""
    assurance: Assurance = "reproduced"
    """How it is known what made the model. If nobody declared that, nothing can be trained as it was."""
    untrainable: str = ""
    """Why no model can be trained for the job, and so no oracle; empty if models can be."""

    @property
    def trained_on(self) -> int:
        """The number of training examples of the corpus that the model was placed by, as far as the job names them."""
        return self.retain + self.forget + self.forgotten + self.erased_elsewhere


Config = Mapping[str, Any]
"""A method's hyper-parameters, complete."""
Cost = Callable[[Facts, Config], float]
"""Expected cost as a share of training the model again, counted in examples that pass forwards and backwards."""
Obstacles = Callable[[Facts, Config], list[str]]
"""Says why a method cannot run, in sentences."""


@dataclass(frozen=True)
class Budget:
    """The share of a model's budget for erasures that is spent. Beyond 1, nothing is guaranteed any more."""

    before: float
    """Spent by the erasures since the model was trained."""
    after: float | None
    """Spent with this erasure as well; None if only carrying it out can tell."""
    examples_left: int | None = None
    """Number of records that may be erased after this; None if that depends on which ones they are."""


Budgeting = Callable[[Facts, Config], Budget | None]
"""Works out what an erasure spends; None if it spends nothing, or if that is not known."""


def as_much_as_training(_facts: Facts, _config: Config) -> float:
    """Return the cost of one training."""
    return 1.0


def nothing_to_prepare(_facts: Facts, _config: Config) -> float:
    """Return the cost of preparing nothing."""
    return 0.0


def no_budget(_facts: Facts, _config: Config) -> Budget | None:
    """Return no budget, for methods that spend nothing."""
    return None


def all_examples_named(facts: Facts, _config: Config) -> list[str]:
    """Return the obstacle of methods that work out from forget and retain set alone what the model was trained on."""
    if not facts.erased_elsewhere:
        return []
    problem = (
        f"The model still knows {facts.erased_elsewhere} other examples that were erased elsewhere, and this method needs a"
        " model that was trained on the examples to forget and to retain alone; erase those first, or choose retrain."
    )
    return [problem]


def none_of_its_own(_facts: Facts, _config: Config) -> list[str]:
    """Return no obstacles."""
    return []


@dataclass(frozen=True)
class MethodEntry:
    """An unlearning method."""

    name: str
    title: str
    guarantee: Guarantee
    works_on: Requirement
    """Says whether it works on a family."""
    source: str
    description: str
    options: tuple[Option, ...] = ()
    cost: Cost = as_much_as_training
    obstacles: Obstacles = none_of_its_own
    """Why this method cannot run, beyond what stops every method."""
    for_production: bool = True
    """Whether it may be chosen for a request. If not, it is only for benchmarks."""
    preparation: Cost = nothing_to_prepare
    """Cost of what is computed once per model version and serves all of its requests; not part of `cost`."""
    budget: Budgeting = no_budget
    """What the model's erasures spend of its budget."""
    trains_models: bool = False
    """Whether it trains models by the recipe, as exact and certified methods do."""

    @property
    def families(self) -> tuple[str, ...]:
        """The names of the families that it works on."""
        return families_that(self.works_on)


@dataclass(frozen=True)
class MetricEntry:
    """A metric. It is reported beside the verdict, and is never the verdict itself."""

    name: str
    title: str
    source: str
    description: str
    works_on: Requirement = every_family
    """Says whether the outputs of a family hold what it is worked out from."""
    fewest_models: int = 1
    """Number of unlearned models, and of oracles, that it needs at least."""
    against_oracles: bool = False
    """Whether its value is a comparison with oracles, so that there is none without them."""
    attack: str = ""
    """The attack whose outcome it is, which only protocols that ask for it carry out; empty for most metrics."""
    reason: str = ""
    """Why other families do not have it, in a sentence, where that is no matter of course."""

    @property
    def families(self) -> tuple[str, ...]:
        """The names of the families that it works on."""
        return families_that(self.works_on)


def listed(families: Sequence[str]) -> str:
    """Return the names in words: a, b and c."""
    return " and ".join(filter(None, (", ".join(families[:-1]), families[-1])))
