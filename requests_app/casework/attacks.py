"""Put the attacks that an evaluation can report into words, with what each costs, or why it cannot be carried out."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from unlearning_jobs.engine.advisor import Situation, correction
from unlearning_jobs.engine.catalogue import ATTACKS, attack_cost, attack_obstacles, proposed_attacks
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.wording import attack_title

from .advice import cost_words
from .proposal_form import AttackChoice


def with_proposed_attacks(situation: Situation) -> Situation:
    """Return the situation with the attacks in its protocols that are proposed for such a job."""
    attacks = proposed_attacks(situation.facts)
    return replace(
        situation,
        annex=replace(situation.annex, attacks=attacks),
        measured=replace(situation.measured, attacks=attacks),
    )


def attack_choices(situation: Situation) -> list[AttackChoice]:
    """Return all attacks, in the order of their table."""
    proposed = proposed_attacks(situation.facts)
    return [
        AttackChoice(
            name=name,
            title=attack_title(name),
            hint=" ".join((_(entry.description), _cost(name, situation))),
            obstacles=tuple(attack_obstacles(name, situation.facts)),
            proposed=name in proposed,
        )
        for name, entry in ATTACKS.items()
    ]


def attack_titles(protocol: Protocol) -> list[str]:
    """Return what the protocol's attacks are called."""
    return list(map(attack_title, protocol.all_attacks))


def _cost(name: str, situation: Situation) -> str:
    """Say what an attack adds, with as many models as the larger of the proposed evaluations has."""
    protocols = (situation.annex, situation.measured)
    share = max(attack_cost(name, protocol, situation.facts, protocol.looks) for protocol in protocols)
    if not share:
        return _("It takes no further computation.")
    return _("It adds %(cost)s.") % {"cost": cost_words(correction(()) * share, situation)}
