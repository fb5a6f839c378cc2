"""What a text must hold for a query to match it, so that most texts need not be read closely."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What a text must hold: of each group at least one key; or one of the fingerprints of these words.

    A matcher that has a static method `needs` is asked for few texts only, from an index or in a sweep. It must name no more
    than what every match holds: a query whose matches may be written in other ways needs None, and every text is read.
    """

    groups: tuple[frozenset[str], ...] = ()
    """The first is the one that fewest texts are expected to hold."""
    filed: bool = False
    """Whether the keys are those of `candidates.term_keys`, under which words are filed; otherwise they are words."""
    escapes: bool = False
    """Whether a match may also be hidden in percent escapes, which are no words (`candidates.text_terms`)."""
    agrees: Callable[[int, str], bool] | None = None
    """Says of a folded word with a key of a group, which is given by its place, whether it really is what is needed."""
    near: int = 0
    """Largest number of words from one of the first group to one of each other group, where letters of Kana do not
    count; 0 if they may stand anywhere."""
    passage: tuple[str, ...] = ()


def all_of(words: Iterable[str]) -> Needs | None:
    """Return the need of all these words; None if there are none."""
    distinct = sorted(set(words), key=lambda word: (-len(word), word))
    return Needs(tuple(frozenset({word}) for word in distinct)) if distinct else None
