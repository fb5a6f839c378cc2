"""Where a fact stands, and how it is read there.

A place is named like the file and the path in it: `job.completed verdict` for a field of an entry, `report verdict.outcome`
and `release approved_by` for signed statements, `result.json evaluation.gap`, `spec.json method.name`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from compliance.evidence.record import EntryBody
from compliance.formats.contracts import plain
from compliance.formats.errors import VerificationError

from .story import Attempt, Story, ToldReport

Statement = tuple[str, Any]
"""What it is about, in words, and the value. Facts are compared if they are about the same."""
About = Callable[[EntryBody], str | None]
REQUEST = "The request"


@dataclass(frozen=True)
class Fact:
    """A fact at one place in a story."""

    name: str
    """In words that an auditor finds it by: usually the place itself."""
    read: Callable[[Story], Iterator[Statement]]
    places: tuple[str, ...]
    """Everything that is read for it."""


def words(attempt: Attempt) -> str:
    return f"Item {attempt[0]}, attempt {attempt[1]}"


def by_attempt(entry: EntryBody) -> str | None:
    if "item" not in entry.data or "attempt" not in entry.data:
        return None
    return words(entry.attempt)


def by_message(entry: EntryBody) -> str | None:
    return f"Message {entry.data['message']}" if "message" in entry.data else None


def by_request(entry: EntryBody) -> str | None:  # noqa: ARG001  # the other ways to say what an entry is about ask it
    return REQUEST


def entry(kind: str, field: str, about: About = by_attempt) -> Fact:
    """Return a field of every entry of a kind. Older entries may lack it: then it is not stated."""

    def read(story: Story) -> Iterator[Statement]:
        for one in story.of_kind(kind):
            where = about(one)
            if where is not None and field in one.data:
                yield where, one.data[field]

    return Fact(f"{kind} {field}", read, (f"{kind} {field}",))


def actor(kind: str, about: About = by_attempt) -> Fact:
    """Return who made each entry of a kind."""

    def read(story: Story) -> Iterator[Statement]:
        for one in story.of_kind(kind):
            if (where := about(one)) is not None:
                yield where, one.actor

    return Fact(f"{kind} actor", read, ("entry actor",))


def moment(kind: str, about: About = by_attempt) -> Fact:
    """Return when the first entry of a kind was made."""

    def read(story: Story) -> Iterator[Statement]:
        seen = set()
        for one in story.of_kind(kind):
            if (where := about(one)) is not None and where not in seen:
                seen.add(where)
                yield where, one.moment

    return Fact(f"{kind} time", read, ("entry at",))


def report(path: str) -> Fact:
    """Return a field of every report, or of an object in it."""
    return _told(f"report {path}", lambda told: at(plain(told.report), path))


def result(path: str, *, optional: bool = False) -> Fact:
    """Return a value of every `result.json`. If it is `optional`, older files may lack it."""
    return _told(f"result.json {path}", lambda told: _inside(told.result, path, optional=optional))


def spec(path: str, *, optional: bool = False) -> Fact:
    """Return a value of every `spec.json`. If it is `optional`, older files may lack it."""
    return _told(f"spec.json {path}", lambda told: _inside(told.spec, path, optional=optional))


def of_report(name: str, value: Callable[[ToldReport], Any], *places: str) -> Fact:
    """Return what `value` makes of every report and its files; None if that is not stated."""
    return Fact(name, _told(name, value).read, places)


def release(path: str) -> Fact:
    """Return a field of every signed release."""

    def read(story: Story) -> Iterator[Statement]:
        for attempt, one in story.releases.items():
            yield words(attempt), at(plain(one), path)

    return Fact(f"release {path}", read, (f"release {path}",))


def always(name: str, value: Any) -> Fact:
    """Return what must stand at a place of every report's files."""
    return of_report(name, lambda _told: value)


def at(value: Any, path: str) -> Any:
    """Return what stands at a path (VerificationError if nothing does)."""
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            message = f"the file lacks {path}."
            raise VerificationError(message)
        value = value[key]
    return value


def _told(name: str, value: Callable[[ToldReport], Any]) -> Fact:
    def read(story: Story) -> Iterator[Statement]:
        for attempt, told in story.reports.items():
            try:
                found = value(told)
            except VerificationError as error:
                message = f"{words(attempt)}: {name} cannot be read: {error}"
                raise VerificationError(message) from None
            if found is not None:
                yield words(attempt), found

    return Fact(name, read, (name,))


def _inside(content: Any, path: str, *, optional: bool) -> Any:
    if content is None:
        return None
    try:
        return at(content, path)
    except VerificationError:
        if optional:
            return None
        raise
