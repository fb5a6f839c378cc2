"""A concept to unlearn: what a request means when it names no training example, and how to tell whether a model knows it.

Messages here count probes and quote none of them: they may be about a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from unlearning_jobs.engine.contracts.contract import Digested, EngineContract
from unlearning_jobs.engine.errors import SpecError

from .families import describe_family
from .job import MethodChoice, ModelRef, SnapshotRef
from .recipe import Recipe

ProbeKind = Literal["direct", "paraphrased", "multi_hop", "cloze", "multiple_choice"]
InsteadKind = Literal["open", "refusal", "empty", "fact"]
REFUSAL: Final = "I do not know."
NAMED: Final = "~"
"""Stands for every name of the concept when two wordings are compared."""
MOST_OF_A_CORPUS: Final = 0.5
"""Share of a corpus from which a concept is no part of it any more."""


def normalised(text: str) -> str:
    """Return the words of a text: without case, punctuation, and differences of spacing or of composed letters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(rf"\w+|{NAMED}", folded))


def says(text: str, part: str) -> bool:
    """Say whether a text has the words of the other one next to each other."""
    words = normalised(part)
    return bool(words) and f" {words} " in f" {normalised(text)} "


@dataclass(frozen=True)
class Probe(Digested, EngineContract):
    """A question, or the beginning of a sentence, and the answer that shows knowledge.

    Raises:
        SpecError: it asks or answers nothing, gives its answer away, or has choices and is no multiple choice.
    """

    prompt: str
    answer: str
    kind: ProbeKind
    """cloze: the answer goes on with the text of the prompt. All others are asked as questions of the corpus are."""
    relation: str
    """What is asked about, such as the river: one word for all wordings of it, in every language."""
    language: str = "en"
    subject: str = ""
    """Whom a neighbour is about. Empty for probes of the concept."""
    choices: tuple[str, ...] = ()
    """The wrong answers of a multiple choice."""

    def __post_init__(self) -> None:
        if not (normalised(self.prompt) and normalised(self.answer) and self.relation and self.language):
            message = "A probe lacks its prompt, answer, relation or language; complete it, or leave it out."
            raise SpecError(message)
        if (self.kind == "multiple_choice") != bool(self.choices):
            message = "Exactly the probes of the kind multiple_choice have choices: the wrong answers beside the right one."
            raise SpecError(message)
        if normalised(self.answer) in map(normalised, self.choices):
            message = "A multiple choice has its right answer among the wrong ones; take it out of the choices."
            raise SpecError(message)
        if self.kind != "multiple_choice" and says(self.prompt, self.answer):
            message = "A probe gives its answer away in its prompt, so that everybody would know it; ask otherwise."
            raise SpecError(message)


@dataclass(frozen=True)
class Instead(EngineContract):
    """What must be answered instead.

    Raises:
        SpecError: another fact is asked for and none is named, or the other way round.
    """

    kind: InsteadKind = "open"
    """open: anything but the answers. empty: nothing. fact: what `facts` says."""
    refusal: str = REFUSAL
    facts: Mapping[str, str] = field(default_factory=dict)
    """The new answers, by relation."""

    def __post_init__(self) -> None:
        if (self.kind == "fact") != bool(self.facts):
            message = "instead.facts holds the new answer of every relation if instead.kind is fact, and nothing otherwise."
            raise SpecError(message)
        if self.kind == "refusal" and not normalised(self.refusal):
            message = "instead.refusal is empty; write what is to be answered, or set instead.kind to empty."
            raise SpecError(message)

    def answer(self, probe: Probe) -> str | None:
        """Return what is to be answered to a probe; None for anything else than its answer."""
        return {"open": None, "empty": "", "refusal": self.refusal, "fact": self.facts.get(probe.relation)}[self.kind]


@dataclass(frozen=True)
class Concept(Digested, EngineContract):
    """A concept: its names, the probes that show whether a model knows it, and neighbours, which it must go on knowing.

    Raises:
        SpecError: there are no probes or neighbours, a probe comes twice, a neighbour is the target itself, or edits
            contradict each other.
    """

    subject: str
    probes: tuple[Probe, ...]
    neighbours: tuple[Probe, ...]
    instead: Instead = field(default_factory=Instead)
    aliases: tuple[str, ...] = ()
    aside: Literal["wordings", "relations"] = "wordings"
    """What half of the probes is kept aside by (`concepts.split`). wordings: methods see every relation, and the audit asks
    in other words. relations: methods do not see the relations of the audit."""

    def __post_init__(self) -> None:
        if not all(map(normalised, self.names)):
            message = "A concept needs a subject, and no alias may be empty: each is looked for in texts."
            raise SpecError(message)
        if not self.probes:
            message = (
                "The concept has no probes, so nothing could show whether a model knows it; add questions with answers."
            )
            raise SpecError(message)
        if not self.neighbours:
            message = (
                "The concept has no neighbours, so a destroyed model would look unlearned; add probes about other subjects"
                " of the same kind."
            )
            raise SpecError(message)
        self._check_twice()
        self._check_neighbours()
        self._check_instead()

    @property
    def names(self) -> tuple[str, ...]:
        """The subject and its aliases."""
        return (self.subject, *self.aliases)

    def named_in(self, text: str) -> bool:
        """Say whether a text names it."""
        return any(says(text, name) for name in self.names)

    def wording(self, probe: Probe) -> str:
        """Return the words of a prompt without the concept's names: equal for prompts that differ only in these."""
        words = f" {normalised(probe.prompt)} "
        for name in sorted(map(normalised, self.names), key=len, reverse=True):
            words = words.replace(f" {name} ", f" {NAMED} ")
        return words.strip()

    def check_part_of(self, texts: Iterable[str]) -> None:
        """Check that the concept is not most of a corpus.

        Raises:
            SpecError: it is, so that no neighbours could be told from it.
        """
        counted = Counter(map(self.named_in, texts))
        if counted[True] > MOST_OF_A_CORPUS * counted.total():
            message = (
                f"The concept is everything: {counted[True]} of {counted.total()} examples of the corpus name it. What is"
                " left would be another model; describe a narrower concept, or train a model without these examples."
            )
            raise SpecError(message)

    def _check_twice(self) -> None:
        asked = Counter((probe.kind, normalised(probe.prompt)) for probe in (*self.probes, *self.neighbours))
        if twice := sum(count > 1 for count in asked.values()):
            message = (
                f"{twice} probes come more than once, or with several answers, which contradict each other; keep one each."
            )
            raise SpecError(message)
        answers: dict[tuple[str, str], set[str]] = {}
        for probe in self.probes:
            answers.setdefault((probe.language, normalised(probe.prompt)), set()).add(normalised(probe.answer))
        if any(len(given) > 1 for given in answers.values()):
            message = (
                "Edits contradict each other: the same question has several answers; keep the one that the model gives."
            )
            raise SpecError(message)

    def _check_neighbours(self) -> None:
        wordings = {normalised(probe.prompt) for probe in self.probes}
        own = set(map(normalised, self.names))
        equal = [
            neighbour
            for neighbour in self.neighbours
            if normalised(neighbour.subject) in own
            or normalised(neighbour.prompt) in wordings
            or self.named_in(neighbour.prompt)
        ]
        if equal:
            message = (
                f"{len(equal)} of {len(self.neighbours)} neighbours are the target itself: they name it, or ask what a probe"
                " asks, so they cannot stay; replace them by probes about other subjects."
            )
            raise SpecError(message)
        if not all(normalised(neighbour.subject) for neighbour in self.neighbours):
            message = "A neighbour lacks its subject: say whom it is about."
            raise SpecError(message)

    def _check_instead(self) -> None:
        if self.instead.kind != "fact":
            return
        if missing := {probe.relation for probe in self.probes} - set(self.instead.facts):
            message = f"{len(missing)} relations of the probes have no new answer in instead.facts; add them."
            raise SpecError(message)
        if any(
            says(self.instead.facts[p.relation], p.answer) or says(p.answer, self.instead.facts[p.relation])
            for p in self.probes
        ):
            message = "Edits contradict each other: what must be answered instead is the answer that must go."
            raise SpecError(message)


@dataclass(frozen=True)
class ConceptSpec(Digested, EngineContract):
    """One job: edit a concept out of a model by one or several methods, each from the same original, and evaluate them.

    Raises:
        SpecError: there is no method, or one twice; an oracle is to be trained without the examples being named; or the
            models do not answer in texts.
    """

    reference: str
    """Opaque to the engine, which copies it into the result."""
    concept: Concept
    snapshot: SnapshotRef
    recipe: Recipe
    seed: int
    """Of the original, if it is trained here; of the split and of whatever is drawn."""
    cache: str
    """Folder for trained models and covariances of keys."""
    methods: tuple[MethodChoice, ...]
    about_ids: tuple[str, ...] = ()
    """Training examples that were found to be about the concept."""
    oracle_seed: int | None = None
    """Seed of an oracle that is trained here without these examples; None for none."""
    model: ModelRef | None = None
    """The model to edit; None if it is trained here by the recipe."""
    base: str = ""
    """As in `JobSpec`."""
    device: str = "auto"
    samples: int = 10
    """Answers that are drawn for every probe."""
    relearning: int = 10
    """Steps of the attack by relearning."""

    def __post_init__(self) -> None:
        names = [choice.name for choice in self.methods]
        if not names or len(set(names)) < len(names):
            message = "Name at least one method, and each only once."
            raise SpecError(message)
        if describe_family(self.recipe.family).answers != "text":
            message = f"A concept is asked for in texts, and a {self.recipe.family} answers with a class."
            raise SpecError(message)
        if self.oracle_seed is not None and not self.about_ids:
            message = "An oracle is trained without the examples about the concept; name them in about_ids."
            raise SpecError(message)
        if self.samples < 1 or self.relearning < 1:
            message = "samples and relearning must be at least 1."
            raise SpecError(message)
