"""What every finder does.

All patterns of one way to match are in one finder, of however many guards, so that a text is read once. A session reads one
text. What it finds does not depend on how the text was divided, and `held` says where the earliest match could still begin.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

from unlearning_jobs.engine.guards.settled import Part
from unlearning_jobs.engine.matching.encoder import Encoder


class Hit(NamedTuple):
    """A place at which a pattern begins, and the number of the guard that it belongs to."""

    start: int
    guard: int


class Session(Protocol):
    """Reads one text, part after part."""

    held: int
    """No match that is found from now on begins before this place."""

    def read(self, part: Part) -> Iterator[Hit]:
        """Yield the matches that this part completes."""
        ...


class Finder(Protocol):
    """Finds the patterns of all guards that match in the same way."""

    def __init__(self, patterns: Sequence[tuple[int, Any]], encoder: Encoder | None) -> None: ...

    @classmethod
    def problem(cls, of: Any) -> str:
        """Return why such a pattern would find nothing or everything; empty if neither."""
        ...

    def session(self, acting: Collection[int]) -> Session:
        """Return what reads one text for the guards with these numbers."""
        ...


@dataclass
class Tail:
    """The end of a text, as far as it is still needed."""

    start: int = 0
    text: str = ""

    def add(self, part: Part) -> Self:
        """Add what follows."""
        self.text += part.raw
        return self

    @property
    def end(self) -> int:
        """Return where the text ends by now."""
        return self.start + len(self.text)

    def between(self, start: int, end: int) -> str:
        """Return the text between two places."""
        return self.text[start - self.start : end - self.start]

    def forget_before(self, place: int) -> None:
        """Drop what is no longer needed."""
        self.text = self.text[place - self.start :]
        self.start = place
