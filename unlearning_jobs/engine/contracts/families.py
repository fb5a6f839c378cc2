"""The families of models, and what each of them can do: facts that web processes, catalogue and engine share.

Nothing here imports torch. Everything else in the engine asks for a capability and not for a family's name. So a family is
added in these places, and in no other code:

1. `contracts/architectures.py`: its architecture, a dataclass, unless it shares one;
2. here: its description, in `FAMILY_DESCRIPTIONS`;
3. `families/<name>.py`: the class that does the work (see `families.family.Family`), and its line in
   `families/__init__.py`;
4. `example.py`: a corpus and a recipe, for `python -m unlearning_jobs.engine example <name>`.

The methods and metrics that ask for its capabilities then work on it. `tests/unlearning_jobs/engine/families/
test_adding_a_family.py` adds one in just this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from unlearning_jobs.engine.errors import SpecError

from .architectures import (
    Architecture,
    BertArchitecture,
    CheckpointArchitecture,
    ClassifierArchitecture,
    EncoderArchitecture,
    FromCheckpoint,
    LlamaArchitecture,
    LogisticArchitecture,
    SumsArchitecture,
)
from .sharding import Aggregation

Reads = Literal["text", "arrays"]
Answers = Literal["text", "class"]


@dataclass(frozen=True)
class FamilyDescription:
    """What a family of models is, as far as it can be said without torch."""

    name: str
    architecture: type[Architecture]
    """What a recipe says about the model's shape."""
    reads: Reads
    """What an example holds."""
    answers: Answers
    """What a model answers: a text, token by token, or one class per example."""
    learns_by_gradient: bool = True
    """Whether it is trained, and can unlearn, by gradient steps; if not, its weights are solved for at once."""
    stackable: bool = False
    """Whether many networks can be trained in one loop, as far as their layers allow it."""
    ties_embeddings: bool = False
    """Whether the last layer shares its weights with the first."""
    starts_from_base: bool = False
    """Whether its models start from a checkpoint that a job names, and not from random weights."""
    takes_adapters: bool = False
    """Whether low-rank adapters on a checkpoint can learn instead of all of its weights."""
    has_hidden_layers: bool = False
    """Whether the states of its hidden layers can be read, as far as the architecture says that there are some."""
    certifies_removal: bool = False
    """Whether its loss is convex and its objective perturbed, so that Newton steps remove examples with a bound."""
    keeps_sums: bool = False
    """Whether it is a function of sums over its training examples, from which examples can be subtracted."""

    @property
    def is_network_classifier(self) -> bool:
        """Whether it is a network with one answer per example: several can answer together, by votes too."""
        return self.learns_by_gradient and self.answers == "class"

    @property
    def trains_privately(self) -> bool:
        """Whether such models can be trained with differential privacy: nothing that came before their training counts."""
        return self.is_network_classifier and not self.starts_from_base

    @property
    def aggregations(self) -> tuple[Aggregation, ...]:
        """The ways in which several of its networks can answer together.

        Language models cannot vote: a vote says nothing of the tokens that nobody voted for, and texts are drawn, measured
        and attacked by the probabilities of all of them.
        """
        if not self.learns_by_gradient:
            return ()
        return ("vote", "mean", "merge") if self.answers == "class" else ("mean", "merge")


Requirement = Callable[[FamilyDescription], bool]
"""Says whether something works on a family."""

FAMILY_DESCRIPTIONS: Final[dict[str, FamilyDescription]] = {
    description.name: description
    for description in (
        FamilyDescription("causal_lm", LlamaArchitecture, "text", "text", ties_embeddings=True, has_hidden_layers=True),
        FamilyDescription(
            "finetuned_lm",
            CheckpointArchitecture,
            "text",
            "text",
            ties_embeddings=True,
            starts_from_base=True,
            takes_adapters=True,
            has_hidden_layers=True,
        ),
        FamilyDescription("text_classifier", BertArchitecture, "text", "class", has_hidden_layers=True),
        FamilyDescription(
            "finetuned_classifier", EncoderArchitecture, "text", "class", starts_from_base=True, has_hidden_layers=True
        ),
        FamilyDescription("classifier", ClassifierArchitecture, "arrays", "class", stackable=True, has_hidden_layers=True),
        FamilyDescription(
            "logistic", LogisticArchitecture, "arrays", "class", learns_by_gradient=False, certifies_removal=True
        ),
        FamilyDescription("summation", SumsArchitecture, "arrays", "class", learns_by_gradient=False, keeps_sums=True),
    )
}


def describe_family(name: str) -> FamilyDescription:
    """Return the description of the family that a recipe names.

    Raises:
        SpecError: there is no such family.
    """
    if name not in FAMILY_DESCRIPTIONS:
        message = f"recipe.family must be one of {', '.join(FAMILY_DESCRIPTIONS)}, not {name[:60]!r}."
        raise SpecError(message)
    return FAMILY_DESCRIPTIONS[name]


def families_that(requirement: Requirement) -> tuple[str, ...]:
    """Return the names of the families that meet the requirement."""
    return tuple(name for name, description in FAMILY_DESCRIPTIONS.items() if requirement(description))


def family_from(architecture: FromCheckpoint) -> str:
    """Return the name of the family whose recipes say this of the checkpoint that they start from."""
    [name] = families_that(lambda family: family.architecture is type(architecture))
    return name


def families_for(reads: Reads, answers: Answers | None = None) -> str:
    """Return the names of the families that fit a corpus, as an error message suggests them: a, b or c."""
    names = families_that(lambda family: family.reads == reads and answers in (None, family.answers))
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


class ArchitecturesByFamily(Mapping[str, type[Architecture]]):
    """The architecture of every family, for reading recipes. An unknown family raises the error that a reader needs.

    Without that, a recipe of an unknown family would be refused for the fields of its architecture.
    """

    def __getitem__(self, name: str) -> type[Architecture]:
        return describe_family(name).architecture

    def __iter__(self) -> Iterator[str]:
        return iter(FAMILY_DESCRIPTIONS)

    def __len__(self) -> int:
        return len(FAMILY_DESCRIPTIONS)
