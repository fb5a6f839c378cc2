"""Two places that state one fact, and the sentence for when they do not agree."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from compliance.formats.canonical import canonical_json
from compliance.formats.errors import EvidenceError, FormatError, VerificationError

from .facts import Fact, Statement
from .story import Story

LONGEST_SHOWN = 80
MOST_SHOWN = 20


def same(first: Any, second: Any) -> bool:
    """Return whether two values are equal as canonical JSON: 1, 1.0 and True are equal in Python."""
    return canonical_json(first) == canonical_json(second)


differ = operator.ne
not_later = operator.le
earlier = operator.lt
at_least = operator.ge


def part_of(first: Any, second: Any) -> bool:
    return all(value in second for value in first)


def one_of(first: Any, second: Any) -> bool:
    return first in second


def apart(first: Any, second: Any) -> bool:
    return not set(first) & set(second)


@dataclass(frozen=True)
class Agreement:
    """A pair of facts that must agree wherever both are stated about the same thing."""

    first: Fact
    second: Fact
    otherwise: str
    """What is wrong if they do not agree; the values follow."""
    agree: Callable[[Any, Any], bool] = same

    @property
    def name(self) -> str:
        return f"{self.first.name} / {self.second.name}"

    @property
    def places(self) -> tuple[str, ...]:
        return self.first.places + self.second.places

    def contradictions(self, story: Story) -> Iterator[str]:
        """Yield a sentence for everything about which the two facts do not agree; it names both places and values."""
        stated: dict[str, list[Any]] = {}
        for about, value in _read(self.second, story):
            stated.setdefault(about, []).append(value)
        told = set()
        for about, value in _read(self.first, story):
            for other in stated.get(about, []):
                if about not in told and not self._holds(value, other):
                    told.add(about)
                    yield (
                        f"{about}: {self.otherwise} ({self.first.name}: {_shown(value)}; "
                        f"{self.second.name}: {_shown(other)})."
                    )

    def _holds(self, first: Any, second: Any) -> bool:
        try:
            return self.agree(first, second)
        except (TypeError, ValueError):  # values of other kinds than the two places have
            return False


def contradictions(story: Story, agreements: Iterable[Agreement]) -> list[str]:
    """Return a sentence for every pair of facts in the story that do not agree."""
    return [sentence for agreement in agreements for sentence in agreement.contradictions(story)]


def check_agreements(story: Story, agreements: Iterable[Agreement]) -> None:
    """Raise VerificationError, with every contradiction, unless all facts that stand twice in the story agree."""
    if found := contradictions(story, agreements):
        more = f" There are {len(found) - MOST_SHOWN} more." if len(found) > MOST_SHOWN else ""
        raise VerificationError(" ".join(found[:MOST_SHOWN]) + more)


def _read(fact: Fact, story: Story) -> list[Statement]:
    try:
        return list(fact.read(story))
    except EvidenceError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # a list where an object should be, and the like
        message = f"What stands at {fact.name} has another form than it should ({type(error).__name__})."
        raise VerificationError(message) from None


def _shown(value: Any) -> str:
    try:
        text = ascii(canonical_json(value).decode())[1:-1]
    except FormatError:
        text = ascii(str(value))[1:-1]
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
