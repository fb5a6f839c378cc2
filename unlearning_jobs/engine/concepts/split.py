"""Keeps half of the probes aside, as an audit that no method sees.

What belongs together stays on one side. Probes of a relation belong together if their wordings are equal without the names
of the concept, as a question and the multiple choice of it are, or if they have most of their words in common. If the
concept keeps relations aside, all wordings of a relation belong together. Neighbours belong together if they are about the
same subject. The order is that of SHA-256 of the seed and what is common to them; every second one is kept aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from compliance.formats.canonical import digest_of
from unlearning_jobs.engine.contracts.concepts import Concept, Probe, normalised
from unlearning_jobs.engine.errors import SpecError

ALIKE: Final = 0.8
"""Share of common words from which two wordings are one."""


@dataclass(frozen=True)
class Split:
    """The probes of a concept by who sees them."""

    method: tuple[Probe, ...]
    """Probes of the concept that methods see."""
    audit: tuple[Probe, ...]
    """Probes of the concept that no method sees."""
    kept: tuple[Probe, ...]
    """Neighbours that methods see, to hold on to them."""
    watched: tuple[Probe, ...]
    """Neighbours that no method sees."""


def split(concept: Concept, seed: int) -> Split:
    """Divide probes and neighbours.

    Raises:
        SpecError: everything belongs together, so that nothing could be kept aside.
    """
    if concept.aside == "relations":
        method, audit = _halves(concept.probes, [probe.relation for probe in concept.probes], seed)
        problem = "All probes are about one relation; add others, or set aside to wordings."
    else:
        method, audit = _by_wording(concept, concept.probes, seed)
        problem = "Every relation has one wording only, so no probe can be kept aside; ask each in other words, too."
    if not audit:
        raise SpecError(problem)
    kept, watched = _halves(concept.neighbours, [normalised(probe.subject) for probe in concept.neighbours], seed)
    if not watched:
        kept, watched = _by_wording(concept, concept.neighbours, seed)
    if not watched:
        message = "There is one neighbour only, and half of them is kept aside; add some about other subjects."
        raise SpecError(message)
    return Split(method, audit, kept, watched)


def _by_wording(concept: Concept, probes: Sequence[Probe], seed: int) -> tuple[tuple[Probe, ...], tuple[Probe, ...]]:
    """Divide the wordings of every relation; the odd ones go to either side in turn."""
    method: list[Probe] = []
    audit: list[Probe] = []
    odd = 0
    for relation in dict.fromkeys(probe.relation for probe in probes):
        asked = [probe for probe in probes if probe.relation == relation]
        unit_of = _joined({concept.wording(probe) for probe in asked})
        first, second = _halves(asked, [unit_of[concept.wording(probe)] for probe in asked], seed)
        if len(set(unit_of.values())) % 2:
            first, second = (second, first) if odd % 2 and second else (first, second)
            odd += 1
        method += first
        audit += second
    return tuple(method), tuple(audit)


def _joined(wordings: Iterable[str]) -> dict[str, str]:
    """Return for every wording the first one that has most of its words in common with it, directly or over others."""
    ordered = sorted(wordings)
    unit = {wording: wording for wording in ordered}
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            words, others = set(one.split()), set(other.split())
            if len(words & others) >= ALIKE * len(words | others):
                old, new = unit[other], unit[one]
                unit = {wording: new if joined == old else joined for wording, joined in unit.items()}
    return unit


def _halves(probes: Sequence[Probe], units: Sequence[str], seed: int) -> tuple[tuple[Probe, ...], tuple[Probe, ...]]:
    """Keep every second unit aside; `units` says what each probe belongs to."""
    order = sorted(set(units), key=lambda one: digest_of([seed, one]))
    aside = set(order[1::2])
    method = tuple(probe for probe, unit in zip(probes, units, strict=True) if unit not in aside)
    return method, tuple(probe for probe, unit in zip(probes, units, strict=True) if unit in aside)
