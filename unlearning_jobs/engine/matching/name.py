"""Searches for full names of people in the forms in which texts write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .needs import Needs, Term, deletions
from .query import Query, QueryError, Span
from .words import Word, words

TYPO_LETTERS = 5
"""Words with at least this many letters may have one typing error."""


@dataclass(frozen=True)
class Name:
    """A name to search for: the given name, any middle names, and the family name (one or more words)."""

    query: str
    given: str
    middle: tuple[str, ...]
    family: tuple[str, ...]


class NameMatcher:
    """Finds a given name and a family name close together.

    Both must be present. It accepts middle names or initials in between, or their absence; the family name first
    ("Kestelyn, Thyra"); any accents and case; a possessive 's; an initial for the given name; and one wrong, missing,
    additional or swapped letter in words of five letters or more. The last two lower the score. Other people with the same
    name match as well; the reviewer decides.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._families: defaultdict[str, list[Name]] = defaultdict(list)
        for query in queries:
            for name in _readings(query):
                for form in deletions(name.family[0]):
                    self._families[form].append(name)
        self._candidates: dict[str, list[Name]] = {}

    @staticmethod
    def needs(query: Query) -> Needs | None:
        """Return what every text with a match holds: the family name, and the given name or its initial."""
        [name] = _readings(query)
        given = {*_spellings(name.given), Term(name.given[0])}
        return Needs((*(frozenset(_spellings(word)) for word in name.family), frozenset(given)))

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the places of the names in the text."""
        tokens = words(text)
        for position, word in enumerate(tokens):
            for name in self._with_family(word.text):
                if span := _at(name, tokens, position):
                    yield span

    def _with_family(self, word: str) -> list[Name]:
        """Return the names whose family name may begin with this word. Results are cached, because words recur."""
        if word not in self._candidates:
            if len(self._candidates) > 1_000_000:  # noqa: PLR2004  # only bounds the memory
                self._candidates.clear()
            near = {id(n): n for form in deletions(word) for n in self._families.get(form, ())}
            self._candidates[word] = [n for n in near.values() if _alike(n.family[0], word)]
        return self._candidates[word]


def _readings(query: Query) -> list[Name]:
    """Split a name of the form "Given Middle Family" or "Family, Given Middle" into its parts."""
    head, comma, tail = query.value.partition(",")
    parts = (f"{tail} {head}" if comma else head).split()
    # A hyphenated part has several words.
    groups = [tuple(w.text for w in words(part)) for part in parts]
    groups = [group for group in groups if group]
    if not groups:
        message = "The name to search for holds no letters or digits."
        raise QueryError(message, code="nothing_to_search_for")
    if len(groups) < 2:  # noqa: PLR2004  # given and family name
        message = "A name to search for needs a given and a family name; search for a single word as an exact text."
        raise QueryError(message, code="single_word")
    middle = tuple(w for group in groups[1:-1] for w in group)
    return [Name(query.id, groups[0][0], (*groups[0][1:], *middle), groups[-1])]


def _spellings(word: str) -> set[Term]:
    return {Term(word, edits=1 if len(word) >= TYPO_LETTERS else 0)}


def _at(name: Name, tokens: list[Word], start: int) -> Span | None:
    """Return the span of the name if its family name begins at this position."""
    end = start + len(name.family)
    if end > len(tokens) or not all(_alike(n, w.text) for n, w in zip(name.family, tokens[start:end], strict=True)):
        return None
    given = _given_before(name, tokens, start)
    if given is None:
        given = _given_after(name, tokens, end)
    if given is None:
        return None
    # The given name may come before or after the family name.
    first, last = min(given, start), max(given, end - 1)
    written = [w.text for w in (tokens[given], *tokens[start:end])]
    score = _score(written, (name.given, *name.family))
    return Span(name.query, tokens[first].start, tokens[last].end, score)


def _given_before(name: Name, tokens: list[Word], start: int) -> int | None:
    """Return the position of the given name, with only middle names or initials between it and the family name."""
    for given in range(start - 1, max(-1, start - 3 - len(name.middle)), -1):
        word = tokens[given].text
        if _alike(name.given, word) or word == name.given[0]:
            return given
        if not _middle(name, word):
            return None
    return None


def _given_after(name: Name, tokens: list[Word], end: int) -> int | None:
    """Return the position of the given name if it directly follows the family name."""
    if end < len(tokens) and (_alike(name.given, tokens[end].text) or tokens[end].text == name.given[0]):
        return end
    return None


def _middle(name: Name, word: str) -> bool:
    return len(word) == 1 or any(_alike(m, word) for m in name.middle)


def _score(written: Sequence[str], expected: Sequence[str]) -> float:
    score = 1.0
    for word, name in zip(written, expected, strict=True):
        if len(word) == 1 < len(name):  # an initial
            score *= 0.7
        elif word != name:  # a typing error
            score *= 0.8
    return score


def _alike(name: str, word: str) -> bool:
    """Return whether the words are equal or, if long enough, one typing error apart (optimal string alignment)."""
    if name == word:
        return True
    if min(len(name), len(word)) < TYPO_LETTERS - 1 or len(name) < TYPO_LETTERS or abs(len(name) - len(word)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(name, word, strict=False)) if a != b), min(len(name), len(word)))
    a, b = name[start:], word[start:]
    # From the first difference on: one letter replaced, missing or additional, or two swapped.
    return a[1:] == b[1:] or a == b[1:] or a[1:] == b or (a[:2] == b[1::-1] and a[2:] == b[2:])
