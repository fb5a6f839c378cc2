"""Bounds the processor time that one example may take, so that no single text holds up the search of the rest.

Every matcher is linear in the text, and a million characters take about a second. The slowest texts that we know, which
repeat parts of a name, take a minute with nineteen names. The limit is for texts that nobody has thought of. Neither a
matcher, nor what finds out which texts it must read, can be interrupted within a step, so the time is looked at between one
step and the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from unlearning_jobs.engine.errors import EngineError

from .query import Span

SECONDS: Final = 10.0
SECONDS_PER_CHARACTER: Final = 100e-6
"""Added for every character: a row may have up to 64 MiB."""

GIVEN_UP: Final = "The search of an example took too long and was given up."

Place = TypeVar("Place")
Done = TypeVar("Done")
OnUnsearched = Callable[[Place, set[str]], None]
"""Told which example was not searched to its end, and for which queries."""


class TookTooLongError(EngineError):
    """The search of one example was given up."""

    code = "took_too_long"


class Deadline:
    """The processor time by which these texts must have been read: to find candidates in them, or to build an index."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._end = time.thread_time() + SECONDS + SECONDS_PER_CHARACTER * sum(map(len, texts))

    def check(self) -> None:
        """Look at the time.

        Raises:
            TookTooLongError: it is over, and there is more to do.
        """
        if time.thread_time() > self._end:
            raise TookTooLongError(GIVEN_UP)


def in_time(texts: Sequence[str], read: Callable[[Sequence[str], Deadline], Done]) -> Iterator[tuple[int, Done | None]]:
    """Read texts together or, if that takes too long, one by one, so that none takes the time of others.

    Yields:
        The place of the first text and what was read: of all of them, or of each; None of one that took too long.
    """
    together = _read_in_time(texts, read)
    if together is not None or len(texts) == 1:
        yield 0, together
        return
    for place, text in enumerate(texts):
        yield place, _read_in_time([text], read)


def _read_in_time(texts: Sequence[str], read: Callable[[Sequence[str], Deadline], Done]) -> Done | None:
    try:
        return read(texts, Deadline(texts))
    except TookTooLongError:
        return None


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
                raise TookTooLongError(GIVEN_UP)
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
