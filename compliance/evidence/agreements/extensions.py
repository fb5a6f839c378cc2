"""Facts about the time for an answer: the day by which it was due, and by how much that was extended, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from compliance.formats.record_kinds import RecordKind as K

from .facts import REQUEST, Fact, Statement
from .story import Story

SHORTEST_MONTH, LONGEST_MONTH, MOVED = 28, 31, 12
"""Days of a month; and by how many days at most a deadline moves because of holidays and weekends."""


def _first_due(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.REQUEST_SUBMITTED):
        if "due_on" in entry.data:
            yield REQUEST, entry.data["due_on"]


def _submitted_on(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.REQUEST_SUBMITTED):
        yield REQUEST, entry.at[:10]


def _extended(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.REQUEST_EXTENDED):
        yield REQUEST, {"due_on": entry.data["due_on"], "months": entry.data["months"], "on": entry.at[:10]}


def extends(first: str, extended: Mapping[str, Any]) -> bool:
    """Return whether a first deadline was extended by so many months, before it ended.

    The record has no time zone, so the day of the entry, in UTC, is that of the operator, the one before or the next.
    """
    due, later, on = (date.fromisoformat(day) for day in (first, extended["due_on"], extended["on"]))
    days, months = (later - due).days, extended["months"]
    return on <= due + timedelta(days=1) and SHORTEST_MONTH * months - MOVED <= days <= LONGEST_MONTH * months + MOVED


def in_a_month(submitted: str, due: str) -> bool:
    """Return whether a deadline ends a month after the day of an entry, in UTC, or the next working day after that."""
    days = (date.fromisoformat(due) - date.fromisoformat(submitted)).days
    return SHORTEST_MONTH - 1 <= days <= LONGEST_MONTH + MOVED + 1


SUBMITTED_ON = Fact(f"day of {K.REQUEST_SUBMITTED}", _submitted_on, ("entry at",))
FIRST_DUE = Fact(f"{K.REQUEST_SUBMITTED} due_on", _first_due, (f"{K.REQUEST_SUBMITTED} due_on",))
EXTENDED = Fact(
    f"{K.REQUEST_EXTENDED} due_on and months", _extended, (f"{K.REQUEST_EXTENDED} due_on", f"{K.REQUEST_EXTENDED} months")
)
