"""What attacks brought out of the unlearned model, its original and the oracles, as an officer reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from unlearning_jobs.engine.catalogue import ATTACKS, METRICS
from unlearning_jobs.engine.contracts import Evaluation, MetricFinding, Protocol
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.origins import is_behavioural
from unlearning_jobs.wording import attack_title, metric_title

from .tables import value_range


@dataclass(frozen=True)
class AttackShown:
    """An attack of the protocol."""

    title: str
    description: str
    remark: str
    """What a reader of its numbers must know."""
    rows: list[AttackRow]
    """None if a model could not be attacked."""


@dataclass(frozen=True)
class AttackRow:
    """What was measured under the attack."""

    measured: str
    """What the numbers are."""
    unlearned: float
    original: float
    oracles: tuple[float | None, float | None]
    sentence: str
    """Whether the unlearned model lies outside the oracles' range; empty if it lies within."""
    note: str


def attacks_shown(protocol: Protocol, evaluation: Evaluation) -> list[AttackShown]:
    """Return the attacks that the protocol asks for, in its order, with what came out."""
    return [
        AttackShown(
            title=attack_title(name),
            description=_(ATTACKS[name].description) if name in ATTACKS else "",
            remark=_remark(name) if protocol.has_oracles else "",
            rows=[_row(finding) for finding in evaluation.metrics if attack_of(finding) == name],
        )
        for name in protocol.all_attacks
    ]


def _remark(name: str) -> str:
    """Return what a reader must know of the numbers, which is about oracles; empty for most attacks."""
    return _(ATTACKS[name].remark) if name in ATTACKS and ATTACKS[name].remark else ""


def oracles_under_attack(base: ModelVersion | None) -> str:
    """Return what it means that oracles give something away, by what they and the model before unlearning started from."""
    if base is not None and is_behavioural(base):
        return _(
            "Without a recipe there are no oracles, so what comes out stands beside what the original gives away, and"
            " nothing else."
        )
    if base is None or base.checkpoint is None:
        return _("Oracles were trained without the examples: what they give away was not learned in their training.")
    sentence = _(
        "Oracles were trained without the examples, but from the checkpoint “%(checkpoint)s”, which may have known them:"
        " what oracles give away may come from there."
    )
    return sentence % {"checkpoint": base.checkpoint}


def attack_of(finding: MetricFinding) -> str:
    """Return the name of the attack that a metric is of; empty for most."""
    return METRICS[finding.name].attack if finding.name in METRICS else ""


def _row(finding: MetricFinding) -> AttackRow:
    return AttackRow(
        measured=metric_title(finding.name),
        unlearned=finding.unlearned,
        original=finding.original,
        oracles=value_range(finding.oracles),
        sentence=" ".join(_outside(finding)),
        note=finding.note,
    )


def _outside(finding: MetricFinding) -> Iterator[str]:
    if finding.oracles and finding.unlearned > max(finding.oracles):
        yield _("The unlearned model gives away more than any oracle.")
    if finding.oracles and finding.unlearned < min(finding.oracles):
        yield _("The unlearned model gives away less than every oracle.")
