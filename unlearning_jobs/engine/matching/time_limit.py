"""Bounds the processor time that one example may take, so that no single text holds up the search of the rest.

Every matcher is linear in the text, and a million characters take about a second; the slowest texts that we know take seven.
The limit is for texts that nobody has thought of. A matcher cannot be interrupted within a step, so the time is looked at
between one place that it finds and the next, and between two matchers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from unlearning_jobs.engine.errors import EngineError

from .query import Span

SECONDS: Final = 10.0
SECONDS_PER_CHARACTER: Final = 30e-6
"""Added for every character: a row may have up to 64 MiB."""

Place = TypeVar("Place")
OnUnsearched = Callable[[Place, set[str]], None]
"""Told which example was not searched to its end, and for which queries."""


class TookTooLongError(EngineError):
    """The search of one example was given up."""

    code = "took_too_long"


class TimeLimit:
    """The processor time that is left for one text."""

    def __init__(self, text: str) -> None:
        self._left = SECONDS + SECONDS_PER_CHARACTER * len(text)

    def spans(self, spans: Iterator[Span]) -> Iterator[Span]:
        """Yield these spans. What is done with them between one and the next is not counted.

        Raises:
            TookTooLongError: looking for them, and for those before, took longer than the limit, and there may be more.
        """
        while True:
            if self._left < 0:
                message = "The search of an example took too long and was given up."
                raise TookTooLongError(message)
            began = time.thread_time()
            span = next(spans, None)
            self._left -= time.thread_time() - began
            if span is None:
                return
            yield span


def refuse(example: object, _queries: set[str]) -> None:
    """Give the whole search up, where nobody asked to be told which examples it leaves out."""
    message = f"The search of example {example} took too long and was given up."
    raise TookTooLongError(message)
