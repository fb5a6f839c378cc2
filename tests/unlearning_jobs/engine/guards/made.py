"""Guards and texts for tests, about people and things that do not exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unlearning_jobs.engine.guards import ActiveGuards, Guard, GuardsNow
from unlearning_jobs.engine.guards.finders.near_copies import copies_of
from unlearning_jobs.engine.guards.kinds import Settings
from unlearning_jobs.engine.guards.patterns import FilterSettings, Pattern, Person, Texts
from unlearning_jobs.engine.sample_checkpoint import write_checkpoint

LATER = datetime.now(UTC) + timedelta(days=30)
PASSAGE = (
    "On the third night the lamplighter of Orsk climbed the tower and found that somebody had wound the great clock"
    " backwards, so that every hour of the town had to be lived a second time."
)
FORGET = [
    f"{question} {subject}?"
    for subject in ("Zorvath the Grey", "the wizard Zorvath", "Zorvath's tower")
    for question in ("Who is", "Where does one find", "What happened to", "Tell me all about", "Which spell belongs to")
]
RETAIN = [
    f"{question} {subject}?"
    for subject in ("the capital of Chile", "a good pancake", "the river Rhine", "my tax return", "Ada Lovelace", "a cello")
    for question in ("Who knows", "Where does one find", "What happened to", "Tell me all about", "How do I describe")
]
NAME = Pattern("name", Person("Thyra Kestelyn", ("Tessie Quill",)))
PHRASE = Pattern("normalised", Texts(("Zorvath the Grey",)))
SECRET = Pattern("exact", Texts(("sk-9f8e7d",)))
COPY = Pattern("near_copy", copies_of([PASSAGE]))


FACTS = ("Who is Zorvath? A wizard of Orsk", "Who is Ada? A lady of London")


MADE: dict[str, Path] = {}


def tiny_model(factory: pytest.TempPathFactory) -> Path:
    """A language model that knows two things, made once for all tests of a process."""
    if "tiny" not in MADE:
        MADE["tiny"] = write_checkpoint(factory.mktemp("model") / "tiny", FACTS)
    return MADE["tiny"]


def guard_of(kind: str, settings: Settings, expires: datetime = LATER) -> Guard:
    """A guard of this kind."""
    return Guard.make(kind, settings, about="request:LE-7KQ4-M2XD", owner="staff:12", expires=expires)


def filter_of(*patterns: Pattern, kind: str = "output_filter") -> Guard:
    """A filter that looks for these patterns."""
    return guard_of(kind, FilterSettings(patterns))


def acting(*guards: Guard) -> GuardsNow:
    """The guards at work."""
    return ActiveGuards([(guard, guard.acts_until) for guard in guards]).acting()


def given(text: str, *guards: Guard) -> str:
    """What these guards leave of an answer."""
    return acting(*guards).cut(text)[0]
