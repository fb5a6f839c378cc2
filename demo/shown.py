"""What the walk is there to show. A run that did not come by all of it has failed, even if every request was settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .casework import REFUSED, RELEASED, Attempt, DemoRequest

DECIDED: Final = ("passed", "failed")
"""Verdicts that say something about a model: that it failed is as much worth showing."""


@dataclass(frozen=True)
class Mapped:
    """What a request found of which no word stands in the data."""

    method: str
    sentence: str
    found: bool = True
    """Not so if this machine cannot look for it."""


def not_shown(results: Sequence[DemoRequest], mapped: Sequence[Mapped], *, has_encoder: bool) -> Iterator[str]:
    """Yield what the walk should have shown and did not, in sentences."""
    settled = [result for result in results if result.settled]
    last = [result.attempts[-1] for result in settled if result.outcome == RELEASED and result.attempts]
    if len(settled) < len(results):
        yield f"{len(results) - len(settled)} of {len(results)} requests were not settled."
    tried = [attempt for result in settled for attempt in result.attempts]
    if not any(attempt.design == "paired" and attempt.verdict in DECIDED for attempt in tried):
        yield "No comparison in pairs was decided."
    if not any(_is_exact(attempt) for attempt in last):
        yield "No exact result was released on the evidence of its process."
    if not any(result.outcome == REFUSED for result in settled):
        yield "No request was refused by two officers."
    found = {one.method for one in mapped if one.found}
    if has_encoder and "meaning" not in found:
        yield "Nothing was found by its meaning, although the encoder is installed."
    if "image" not in found:
        yield "Nothing was found by a copy of a picture."


def fell_back(result: DemoRequest) -> str:
    """Say which methods did not pass before the one that did; nothing if the first one passed, or none was tried."""
    failed = [f"{attempt.method} ({attempt.verdict or attempt.state})" for attempt in result.attempts[:-1]]
    return f"FELL BACK to {result.attempts[-1].method}, after {', '.join(failed)}" if failed else ""


def _is_exact(attempt: Attempt) -> bool:
    process = attempt.evaluation.get("process") or []
    return attempt.method == "retrain" and bool(process) and all(check["held"] is True for check in process)
