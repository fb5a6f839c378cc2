"""Full names of people, as texts write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .query import Query, QueryError, Span
from .words import Word, words

TYPO_LETTERS = 5
"""Words with at least so many letters may have one typing error."""


@dataclass(frozen=True)
class Name:
    """A name to look for: the given name, what stands in the middle, and the family name (one or more words)."""

    query: str
    given: str
    middle: tuple[str, ...]
    family: tuple[str, ...]


class NameMatcher:
    """Finds a given and a family name close together.

    Both must be there. Accepted are: middle names or initials in between, present or left out; the family name first
    ("Kestelyn, Thyra"); an initial for the given name; accents and case of any kind; a possessive 's; and one wrong,
    missing, additional or swapped letter in words of five letters or more. The score falls with each of the last two
    liberties. A name that others bear too matches them as well: whoever reviews decides.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._families: defaultdict[str, list[Name]] = defaultdict(list)
        for query in queries:
            for name in _readings(query):
                for form in _deletions(name.family[0]):
                    self._families[form].append(name)
        self._candidates: dict[str, list[Name]] = {}

    def spans(self, text: str) -> Iterator[Span]:
        """Places of the names in the text."""
        found = words(text)
        for place, word in enumerate(found):
            for name in self._with_family(word.text):
                if span := _at(name, found, place):
                    yield span

    def _with_family(self, word: str) -> list[Name]:
        """Names whose family name may begin with this word; remembered, since words come back."""
        if word not in self._candidates:
            if len(self._candidates) > 1_000_000:  # noqa: PLR2004  # a bound on memory, not a meaning
                self._candidates.clear()
            near = {id(n): n for form in _deletions(word) for n in self._families.get(form, ())}
            self._candidates[word] = [n for n in near.values() if _alike(n.family[0], word)]
        return self._candidates[word]


def _readings(query: Query) -> list[Name]:
    """The name split into its parts: "Given Middle Family", or "Family, Given Middle"."""
    head, comma, tail = query.value.partition(",")
    parts = (f"{tail} {head}" if comma else head).split()
    groups = [tuple(w.text for w in words(part)) for part in parts]
    groups = [group for group in groups if group]
    if len(groups) < 2:  # noqa: PLR2004  # given and family name
        message = "A name to search for needs a given and a family name; search for a single word as an exact text."
        raise QueryError(message)
    middle = tuple(w for group in groups[1:-1] for w in group)
    return [Name(query.id, groups[0][0], (*groups[0][1:], *middle), groups[-1])]


def _at(name: Name, found: list[Word], place: int) -> Span | None:
    """The name at a place where its family name begins."""
    end = place + len(name.family)
    if end > len(found) or not all(_alike(n, w.text) for n, w in zip(name.family, found[place:end], strict=True)):
        return None
    given = _given_before(name, found, place)
    if given is None:
        given = _given_after(name, found, end)
    if given is None:
        return None
    first, last = min(given, place), max(given, end - 1)
    written = [w.text for w in (found[given], *found[place:end])]
    score = _score(written, (name.given, *name.family))
    return Span(name.query, found[first].start, found[last].end, score)


def _given_before(name: Name, found: list[Word], place: int) -> int | None:
    """Where the given name stands, with nothing but middle names or initials between it and the family name."""
    for given in range(place - 1, max(-1, place - 3 - len(name.middle)), -1):
        word = found[given].text
        if _alike(name.given, word) or word == name.given[0]:
            return given
        if not _middle(name, word):
            return None
    return None


def _given_after(name: Name, found: list[Word], end: int) -> int | None:
    """Family name first: the given name follows at once."""
    if end < len(found) and (_alike(name.given, found[end].text) or found[end].text == name.given[0]):
        return end
    return None


def _middle(name: Name, word: str) -> bool:
    return len(word) == 1 or any(_alike(m, word) for m in name.middle)


def _score(written: Sequence[str], meant: Sequence[str]) -> float:
    score = 1.0
    for is_word, should in zip(written, meant, strict=True):
        if len(is_word) == 1 < len(should):
            score *= 0.7
        elif is_word != should:
            score *= 0.8
    return score


def _alike(name: str, word: str) -> bool:
    """Equal, or one typing error apart (optimal string alignment distance 1) in words that are long enough."""
    if name == word:
        return True
    if min(len(name), len(word)) < TYPO_LETTERS - 1 or len(name) < TYPO_LETTERS or abs(len(name) - len(word)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(name, word, strict=False)) if a != b), min(len(name), len(word)))
    a, b = name[start:], word[start:]
    return a[1:] == b[1:] or a == b[1:] or a[1:] == b or (a[:2] == b[1::-1] and a[2:] == b[2:])


def _deletions(word: str) -> set[str]:
    """The word and all forms with one letter left out: words one error apart share a form."""
    if len(word) < TYPO_LETTERS - 1:
        return {word}
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
