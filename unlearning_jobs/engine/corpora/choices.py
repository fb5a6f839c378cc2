"""Multiple choice, as WMDP and MMLU write it: a question, its options, and which of them is right."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from .cells import RowError

LETTERS: Final = string.ascii_uppercase
FEWEST: Final = 2


@dataclass(frozen=True)
class Choice:
    """The options of a question, and the number of the right one, from 0."""

    options: tuple[str, ...]
    number: int

    @classmethod
    def read(cls, options: Sequence[str], answer: object, column: str) -> Self:
        """Read which option is right: by its number from 0, by its letter, or by its text.

        Raises:
            RowError: there are too few or too many options, or the answer names none of them, or two.
        """
        if not FEWEST <= len(options) <= len(LETTERS):
            message = f"a multiple choice has {FEWEST} to {len(LETTERS)} options, and this has {len(options)}"
            raise RowError(message)
        named = {number for number in range(len(options)) if _names(answer, number, options[number])}
        if len(named) != 1:
            which = "two of the options" if named else "none of the options"
            message = f"{column} names {which}; it takes the number (from 0), the letter or the text of one"
            raise RowError(message)
        return cls(tuple(options), named.pop())

    def prompt(self, question: str) -> str:
        """Return the question with a line for each option, behind its letter."""
        lines = (f"{letter}. {option.strip()}" for letter, option in zip(LETTERS, self.options, strict=False))
        return "\n".join((question.strip(), *lines))

    @property
    def right(self) -> str:
        """The letter of the right option."""
        return LETTERS[self.number]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The letters of the others."""
        return tuple(letter for letter in LETTERS[: len(self.options)] if letter != self.right)


def _names(answer: object, number: int, option: str) -> bool:
    if isinstance(answer, bool):
        return False
    if isinstance(answer, int | float):
        return answer == number
    return isinstance(answer, str) and answer.strip() in {str(number), LETTERS[number], option.strip()}
