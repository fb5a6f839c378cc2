"""Decides whether a name stands at a place of a text where one word looks like its family name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from unlearning_jobs.engine.matching.words import Word

from .columns import divides_pairs, label, places_in_row, stands_alone
from .context import (
    are_plain_words,
    gap,
    initials,
    is_capitalised,
    is_lower,
    is_middle_name,
    is_sentence_end,
    starts_row,
)
from .endings import is_feminine
from .found import INITIAL, OPEN, RULED, Found
from .given import is_given
from .lists import LABELS, OF_GIVEN_NAMES, PARTICLES, STOP, TITLES
from .query import Reading, is_initial
from .sounds import HANGUL, initial
from .words import ONE_ERROR, Likeness, family_likeness, given_likeness, likeness, together

UNKNOWN: Final = 2
"""Largest number of unknown middle names."""
NOT_GIVEN: Final = TITLES | PARTICLES | STOP
STEPS: Final = 8
"""Largest number of words between given and family name: middle names, particles, labels."""


@dataclass(frozen=True)
class Place:
    """The words of a text, and the position of one that looks like a reading's family name."""

    text: str
    words: Sequence[Word]
    reading: Reading
    start: int

    @property
    def end(self) -> int:
        """The position behind the family name."""
        return self.start + len(self.reading.family)

    def found(self) -> Found | None:
        """Return the name if it stands here."""
        family = self._sequence(self.start, self.reading.family, given=False)
        if family is None:
            return None
        if not self.reading.given:
            return self._alone(family)
        ways = [way for way in (*self._before(), *self._after(), *self._titled(), *self._in_row()) if self._may_stand(way)]
        best = max(ways, key=lambda way: way.score, default=None)
        if best is None or are_plain_words(self.text, *(self.words[i] for i in {best.first, self.start, best.last})):
            return None
        return self._rated(best, family)

    def _rated(self, found: Found, family: Likeness) -> Found | None:
        extra = self._is_longer(found)
        if extra and {"initial", "title"} & set(found.because):
            return None
        parts = [Likeness(self.reading.score, self.reading.because), Likeness(found.score, found.because), family]
        if not self._has_all_middle_names(found):
            parts.append(RULED["middle_left_out"])
        score, because = together([*parts, RULED["half_name"]] if extra else parts)
        first = found.first
        while first and self.words[first - 1].text in self.reading.particles and self._gap(first - 1) == "join":
            first -= 1  # "Al-Kuwaiti, Basil"
        return Found(first, found.last, score, because)

    def _has_all_middle_names(self, found: Found) -> bool:
        """Return whether each middle name stands there, at least as an initial."""
        here = range(found.first, found.last + 1)
        shortened = "".join(self._initials(i) for i in here) if self.reading.middle else ""
        return all(
            initial(name) in shortened or any(likeness(name, self.words[i].text) for i in here)
            for name in self.reading.middle
        )

    def _alone(self, family: Likeness) -> Found | None:
        """Return a name of one word. Typing errors and words in lower case are too little to go by."""
        word = self.words[self.start]
        if self.reading.whole and not HANGUL.match(word.text):
            return None
        if {"typing_error", "two_typing_errors", "romanised"} & set(family.because):
            return None
        if not is_capitalised(self.text, word) and not is_lower(self.text):
            return None
        return self._rated(Found(self.start, self.end - 1, 1.0, ()), family)

    def _sequence(self, start: int, parts: Sequence[str], *, given: bool) -> Likeness | None:
        """Return how well the words from `start` agree with consecutive parts of the name."""
        if start < 0 or start + len(parts) > len(self.words):
            return None
        alike, syllabic = given_likeness if given else family_likeness, self.reading.syllabic
        likenesses = [alike(part, self.words[start + i].text, syllabic=syllabic) for i, part in enumerate(parts)]
        joined = all(self._gap(start + i) in {"join", "markup"} for i in range(len(parts) - 1))
        return together(like for like in likenesses if like) if joined and all(likenesses) else None

    def _gap(self, position: int) -> str:
        """Return what stands behind the word at this position."""
        if position + 1 >= len(self.words) or position < 0:
            return ""
        return gap(self.text, self.words[position].end, self.words[position + 1].start)

    def _before(self) -> Iterator[Found]:
        """Yield the name with the given name first, and middle names, initials and particles in between."""
        rules: list[str] = ["order"] if self.reading.family_first else []
        unknown, i = 0, self.start - 1
        while i >= max(0, self.start - STEPS):
            between, word = self._gap(i), self.words[i]
            if not between or is_sentence_end(self.text, word) or not self._passes(between, rules, i):
                return
            for like, first in self._given_ending_at(i):
                if not divides_pairs(self.text, self.words, first, self.start, self.end - 1):
                    yield self._with(rules, like, first, self.end - 1)
                return
            letters = self._initials(i)
            if word.text in PARTICLES and len(word.text) > 1:
                rules += [] if word.text in self.reading.particles else ["particle"]
            elif (word.text in LABELS and "column" in rules) or any(likeness(m, word.text) for m in self.reading.middle):
                pass
            elif not letters:
                unknown += 1
                if unknown > UNKNOWN or between != "join" or not is_middle_name(self.text, word, self.words[self.start]):
                    return
                rules.append("middle_name")
            i -= 1

    def _passes(self, between: str, rules: list[str], position: int) -> bool:
        """Return whether the parts of a name may stand on both sides of this gap, and add the rule by which they do."""
        if between == "comma":  # one column each: "Thyra,Kestelyn", or a row of nothing else: "Thyra, Kestelyn"
            first = self.words[max(0, position - len(self.reading.given) + 1)]
            if self.text[self.words[position].end : self.words[position + 1].start] != "," and not (
                position == self.start - 1 and stands_alone(self.text, first, self.words[self.end - 1])
            ):
                return False
            between = "cell"
        if between in {"cell", "field"}:
            rules.append("column")
        elif between == "markup":
            rules.append("markup")
        return True

    def _given_at(self, start: int) -> Likeness | None:
        """Return how well the words from `start` agree with the given name. Roberta is not Robert."""
        like = self._sequence(start, self.reading.given, given=True)
        if like is None and is_initial(self.reading.given[0]) and 0 <= start < len(self.words):
            word = self.words[start]
            written_out = (
                initial(word.text) == initial(self.reading.given[0])
                and word.text not in NOT_GIVEN
                and is_capitalised(self.text, word)
            )
            return INITIAL if written_out else None
        if like and like.because == ("inflected",) and is_feminine(self.reading.given[0], self.words[start].text):
            family = self._sequence(self.start, self.reading.family, given=False)
            if not family or "inflected" not in family.because:
                return Likeness(0.7, ("typing_error",)) if len(self.reading.given[0]) >= ONE_ERROR else None
        return like

    def _given_ending_at(self, position: int) -> Iterator[tuple[Likeness, int]]:
        """Yield how well the word at this position agrees with the given name, and where the given name begins."""
        given = self.reading.given
        first = position - len(given) + 1
        if like := self._given_at(first):
            yield like, first
            return
        letters = self._initials(position)
        if letters and letters[0] == initial(given[0]) and self._are_whole(position, letters):
            yield INITIAL, position

    def _are_whole(self, position: int, letters: str) -> bool:
        """Return whether these initials are all there are, agree with middle names, and do not follow another given name."""
        middle = "".join(map(initial, self.reading.middle))
        if len(letters) > 1 and middle and letters[1 : 1 + len(middle)] != middle[: len(letters) - 1]:
            return False
        before = self._gap(position - 1)
        if before not in {"join", "markup"}:
            return True
        word = self.words[position - 1]
        return not initials(self.text, word) and not (is_given(word.text) and is_capitalised(self.text, word))

    def _after(self) -> Iterator[Found]:
        """Yield the name with the family name first, with or without a comma."""
        rules: list[str] = []
        i = self.end
        while i < min(len(self.words), self.end + STEPS):
            between = self._gap(i - 1)
            if not between or is_sentence_end(self.text, self.words[i - 1]):
                return
            if between in {"cell", "field"}:
                rules.append("column")
            elif self._is_labelled(i):
                rules[:] = ["column"]
            elif between != "comma" and i == self.end and not self.reading.family_first:
                rules.append("order")
            like = self._given_at(i)
            last = self._with_middle_names(i + len(self.reading.given) - 1)
            if like is None:
                like, last = self._initials_behind(i)
            if like:
                in_list = self._is_capitalised_before() and self._is_capitalised_behind(last)  # "Casimir Lund, Sigrid Moor"
                if not in_list and ("column" not in rules or starts_row(self.text, self.words[self.start].start)):
                    yield self._with(rules, like, self.start, last)
                return
            if self.words[i].text not in TITLES and not (self.words[i].text in LABELS and "column" in rules):
                return
            i += 1

    def _is_labelled(self, position: int) -> bool:
        """Return whether a label of the given name stands here or just before: "last: Kestelyn, first: Thyra"."""
        return any(label(self.text, self.words, i) == "given" for i in range(position, min(position + 3, len(self.words))))

    def _with_middle_names(self, last: int) -> int:
        """Return the position of the last of the middle names, or of their initials, that stand behind a given name."""
        letters = frozenset(map(initial, self.reading.middle))
        while self._gap(last) == "join" and (
            self._initials(last + 1) in letters or any(likeness(m, self.words[last + 1].text) for m in self.reading.middle)
        ):
            last += 1
        return last

    def _in_row(self) -> Iterator[Found]:
        """Yield the name of which each part stands under a label of its own, with other columns between."""
        for place in places_in_row(self.text, self.words, self.start):
            if like := self._given_at(place):
                last = place + len(self.reading.given) - 1
                yield self._with(["column"], like, min(place, self.start), max(last, self.end - 1))

    def _may_stand(self, way: Found) -> bool:
        """Return whether the parts say enough: if many people share them, another name beside them is another person's."""
        if not self.reading.strict:
            return True
        if way.first == self.start and self._is_capitalised_before():
            return False
        return not OPEN & set(way.because) and not self._is_capitalised_behind(way.last)

    def _initials(self, position: int) -> str:
        """Return the initials that stand here, in Latin letters; empty if none do."""
        return "".join(map(initial, initials(self.text, self.words[position])))

    def _initials_behind(self, position: int) -> tuple[Likeness | None, int]:
        """Return whether initials stand behind the family name, and belong to it: "Kestelyn TM", "Kestelyn, T. M."."""
        last, letters = position, ""
        while last < len(self.words) and (more := self._initials(last)):
            letters += more
            last += 1
            if self._gap(last - 1) != "join":
                break
        if not letters or letters[0] != initial(self.reading.given[0]) or not self._are_whole_behind(letters):
            return None, position
        other = self._is_capitalised_before() or self._is_capitalised_behind(last - 1)
        return (None if other else INITIAL), last - 1

    def _is_capitalised_before(self) -> bool:
        """Return whether the word before the family name may be another given name."""
        if self._gap(self.start - 1) != "join":
            return False
        word = self.words[self.start - 1]
        return is_capitalised(self.text, word) and word.text not in NOT_GIVEN and not is_sentence_end(self.text, word)

    def _is_capitalised_behind(self, last: int) -> bool:
        """Return whether the word behind may be another family name."""
        if self._gap(last) != "join" or is_sentence_end(self.text, self.words[last]):
            return False
        return self.text[self.words[last + 1].start].isupper() and self.words[last + 1].text not in STOP

    def _are_whole_behind(self, letters: str) -> bool:
        middle = "".join(map(initial, self.reading.middle))
        return not middle or letters[1:] == middle[: len(letters) - 1]

    def _titled(self) -> Iterator[Found]:
        """Yield a title with one part of the name: "Dr. Kestelyn"."""
        word = self.words[self.start - 1] if self.start else None
        if word and word.text in TITLES - OF_GIVEN_NAMES and len(word.text) > 1 and self._gap(self.start - 1) == "join":
            follows = self.end < len(self.words) and self._gap(self.end - 1) == "join"
            if not (follows and is_capitalised(self.text, self.words[self.end])):
                yield Found(self.start, self.end - 1, 0.4, ("title",))

    def _with(self, rules: list[str], like: Likeness, first: int, last: int) -> Found:
        return Found(first, last, *together([*(RULED[rule] for rule in dict.fromkeys(rules)), like]))

    def _is_longer(self, found: Found) -> bool:
        """Return whether a hyphen adds a further name before or behind."""
        start, end = self.words[found.first].start, self.words[found.last].end
        before, behind = self.text[max(0, start - 2) : start], self.text[end : end + 2]
        return (before[-1:] == "-" and before[:1].isalpha()) or (behind[:1] == "-" and behind[1:].isalpha())
