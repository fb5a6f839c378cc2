"""The table of attacks on unlearned models. What an attack brings out is reported beside the same of the oracles.

An attack judges nothing. What it measures is in the raw outputs, and its metrics (`attacked`) follow from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from compliance.formats.attacks import RELEARNING
from compliance.formats.translation import gettext_noop as _
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.contracts.families import Requirement, families_that

from .attack_needs import (
    AttackCost,
    between_layers,
    conversation_cost,
    enough_to_probe,
    held_out,
    hinted_cost,
    lens_cost,
    longer_answers,
    no_obstacles,
    no_pass,
    one_pass,
    other_wordings,
    probe_cost,
    questions,
    relearning_cost,
    relearning_obstacles,
    two_to_forget,
)
from .descent import share_of_training
from .entry import (
    Facts,
    answers_with_text,
    every_family,
    learns_by_gradient,
    listed,
    shows_its_layers,
)
from .metrics import METRICS


@dataclass(frozen=True)
class AttackEntry:
    """An attack, as far as it can be said without torch."""

    name: str
    title: str
    description: str
    """What is done, in a sentence that an officer understands."""
    source: str
    works_on: Requirement
    """Says whether it works on a family."""
    cost: AttackCost = no_pass
    obstacles: Callable[[Facts], Iterator[str]] = no_obstacles
    """Why it cannot be carried out, in sentences. What only the tokens tell, its class says (`Attack.obstacles`)."""
    proposed: bool = False
    """Whether it is asked for unless somebody decides otherwise: it is cheap."""
    remark: str = ""
    """What a reader of the numbers must know."""

    @property
    def families(self) -> tuple[str, ...]:
        """The names of the families that it works on."""
        return families_that(self.works_on)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of its metrics."""
        return tuple(metric.name for metric in METRICS.values() if metric.attack == self.name)


ATTACKS: Final[Mapping[str, AttackEntry]] = {
    entry.name: entry
    for entry in (
        AttackEntry(
            "difference",
            _("Comparing the old model with the new one"),
            _("Somebody who has the old model too looks at which answers the new one gives less often than the old one."),
            METRICS["difference"].source,
            every_family,
            obstacles=held_out,
            proposed=True,
            remark=_(
                "This is high after exact retraining too: whoever has both models sees what was removed. The only remedy is"
                " to destroy every copy of the old model."
            ),
        ),
        AttackEntry(
            "quantized_4",
            _("Rounding the weights to 4 bits"),
            _("The model is made smaller, as for a telephone: changes that are too small to survive the rounding are lost."),
            METRICS["quantized_4"].source,
            learns_by_gradient,
            one_pass,
            proposed=True,
        ),
        AttackEntry(
            "quantized_8",
            _("Rounding the weights to 8 bits"),
            _("As with 4 bits, but finer: this is how many models are run."),
            METRICS["quantized_8"].source,
            learns_by_gradient,
            one_pass,
        ),
        AttackEntry(
            "prefix",
            _("Giving the beginning of the answer"),
            _("The first quarter of the right answer is given, and the model is asked to go on."),
            METRICS["prefix"].source,
            answers_with_text,
            obstacles=longer_answers,
            proposed=True,
            remark=_("This attack shows every model the beginning of each answer, oracles too; they may guess the rest."),
        ),
        AttackEntry(
            "hinted",
            _("Giving other answers as hints"),
            _("Some of the examples to unlearn stand before the question, with their answers."),
            METRICS["hinted"].source,
            answers_with_text,
            hinted_cost,
            two_to_forget,
            remark=_(
                "This attack shows every model some of the examples, oracles too. What comes out of the others may have been"
                " learned from those."
            ),
        ),
        AttackEntry(
            "conversation",
            _("Asking again"),
            _("The same question is asked three times in one conversation, and the third answer counts."),
            METRICS["conversation"].source,
            answers_with_text,
            conversation_cost,
            questions,
        ),
        AttackEntry(
            "paraphrased",
            _("Asking in other words"),
            _("The question is asked in other words, where the corpus has some."),
            METRICS["paraphrased"].source,
            answers_with_text,
            one_pass,
            other_wordings,
        ),
        AttackEntry(
            "lens",
            _("Reading an inner layer"),
            _("The answer is read inside the network, before its last layers, where it may still stand."),
            METRICS["lens"].source,
            shows_its_layers,
            lens_cost,
            between_layers,
        ),
        AttackEntry(
            "probe",
            _("Telling examples apart by inner states"),
            _("A simple classifier learns to tell, from the inside of the network, examples to unlearn from unknown ones."),
            METRICS["probe"].source,
            shows_its_layers,
            probe_cost,
            enough_to_probe,
        ),
        AttackEntry(
            RELEARNING,
            _("Relearning"),
            _("A copy of the model is trained for a few steps on some of the examples, to see if the others come back."),
            METRICS[RELEARNING].source,
            learns_by_gradient,
            relearning_cost,
            relearning_obstacles,
            remark=_(
                "This attack shows every model some of the examples, oracles too. What comes out of the others may have been"
                " learned from those."
            ),
        ),
    )
}


def attack_obstacles(name: str, facts: Facts) -> list[str]:
    """Say why an attack of the table cannot be carried out on such models, in sentences; empty if it can."""
    entry, family = ATTACKS[name], facts.recipe.family
    if problems := list(entry.obstacles(facts)):
        return problems
    if family in entry.families:
        return []
    return [f"{entry.title} is an attack on {listed(entry.families)}, and the model is a {family}; leave this attack out."]


def attack_problems(protocol: Protocol, facts: Facts) -> list[str]:
    """Say why the attacks that the protocol asks for cannot be carried out; empty if they can."""
    if unknown := [name for name in protocol.all_attacks if name not in ATTACKS]:
        return [f"There is no attack {unknown[0][:60]!r}; choose from {', '.join(ATTACKS)}."]
    return [problem for name in protocol.all_attacks for problem in attack_obstacles(name, facts)]


def attacks_cost(protocol: Protocol, facts: Facts, look: int) -> float:
    """Return the cost of the protocol's attacks up to a look, from 1, as a share of training the model.

    The production model is attacked before and after, and so is every oracle; replicates are not.
    """
    return sum(attack_cost(name, protocol, facts, look) for name in protocol.all_attacks if name in ATTACKS)


def attack_cost(name: str, protocol: Protocol, facts: Facts, look: int) -> float:
    """Return the cost of one attack of the table, as `attacks_cost` does."""
    models = 2 + protocol.oracles_at(look)
    return share_of_training(facts, ATTACKS[name].cost(facts, protocol, models))


def proposed_attacks(facts: Facts) -> tuple[str, ...]:
    """Return the attacks that are asked for unless somebody decides otherwise: the cheap ones that can be carried out."""
    return tuple(name for name, entry in ATTACKS.items() if entry.proposed and not attack_obstacles(name, facts))
