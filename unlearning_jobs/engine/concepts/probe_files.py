"""Reads probes from files of JSON lines, and drafts of concepts whose probes come from templates and such files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unlearning_jobs.engine.contracts.concepts import Concept, Instead, Probe
from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.errors import SpecError

from .templates import probes_from


@dataclass(frozen=True)
class Fact(EngineContract):
    """What is said of a subject: for templates."""

    relation: str
    answer: str
    subject: str = ""
    """Whom a neighbour is about; empty for the concept."""
    language: str = "en"
    wrong: tuple[str, ...] = ()
    """Wrong answers, for a multiple choice."""


@dataclass(frozen=True)
class ConceptDraft(EngineContract):
    """A concept before it has probes: its names, and what is known of it and of its neighbours."""

    subject: str
    facts: tuple[Fact, ...]
    aliases: tuple[str, ...] = ()
    instead: Instead = field(default_factory=Instead)


def propose(draft: ConceptDraft, probes: Path | None = None, neighbours: Path | None = None) -> Concept:
    """Return the concept with probes by every name, from templates and files; whoever answers for it edits and freezes it.

    Raises:
        SpecError: there are no templates for a relation, a file cannot be read, or the whole is no concept.
    """
    own = [fact for fact in draft.facts if not fact.subject]
    others = [fact for fact in draft.facts if fact.subject]
    return Concept(
        subject=draft.subject,
        aliases=draft.aliases,
        probes=(*(p for name in (draft.subject, *draft.aliases) for p in _from(own, name)), *read_probes(probes)),
        neighbours=(*_from(others), *read_probes(neighbours)),
        instead=draft.instead,
    )


def _from(facts: list[Fact], name: str = "") -> Iterator[Probe]:
    for fact in facts:
        yield from probes_from(
            name or fact.subject,
            fact.relation,
            fact.answer,
            language=fact.language,
            subject=fact.subject,
            choices=fact.wrong,
        )


def read_probes(file: Path | None) -> tuple[Probe, ...]:
    """Return the probes in a file, one JSON object a line; none without a file.

    Raises:
        SpecError: the file cannot be read, or a line is no probe; the message names the line and does not quote it.
    """
    return tuple(_read(file)) if file else ()


def _read(file: Path) -> Iterator[Probe]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file.name} cannot be read as probes ({type(error).__name__})."
        raise SpecError(message) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield Probe.from_json(json.loads(line))
        except ValueError:
            message = f"Line {number} of {file.name} is not JSON."
            raise SpecError(message) from None
        except SpecError as error:
            message = f"Line {number} of {file.name}: {error}"
            raise SpecError(message) from None
