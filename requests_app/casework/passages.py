"""Mark matches in a text and shorten what lies around them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONTEXT = 160
"""Number of characters shown on each side of a match."""
WORD_SLACK = 20
"""How many characters a cut may move to fall between words."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Segment:
    """A stretch of text. `marked` means that it matched; `cut` marks where text was left out."""

    text: str
    marked: bool = False
    cut: bool = False


def merge_spans(spans: Iterable[Sequence[int]], length: int) -> list[Span]:
    """Return the spans in order, clipped to the text; overlapping and touching spans are merged."""
    joined: list[Span] = []
    for start, end in sorted((max(0, span[0]), min(length, span[1])) for span in spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:  # overlaps or touches the span before
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def mark_spans(text: str, spans: Iterable[Sequence[int]]) -> list[Segment]:
    """Return the whole text with every span marked."""
    return _segments(text, merge_spans(spans, len(text)), [(0, len(text))])


def excerpt(text: str, spans: Iterable[Sequence[int]], context: int = CONTEXT) -> list[Segment]:
    """Return the marked spans with `context` characters on each side, or the start of the text if there is no span."""
    marks = merge_spans(spans, len(text))
    around = [(start - context, end + context) for start, end in marks] or [(0, 2 * context)]
    windows = merge_spans(((_word(text, start, -1), _word(text, end, 1)) for start, end in around), len(text))
    return _segments(text, marks, windows)


def _word(text: str, at: int, direction: int) -> int:
    """Move `at` outwards to the next white space if it is near."""
    for position in range(at, at + direction * WORD_SLACK, direction):
        if not 0 < position < len(text) or text[position - (direction < 0)].isspace():
            return position
    return at


def _segments(text: str, marks: Sequence[Span], windows: Sequence[Span]) -> list[Segment]:
    segments: list[Segment] = []
    for start, end in windows:
        if start > 0:
            segments.append(Segment("…", cut=True))
        at = start
        for mark_start, mark_end in marks:
            if start <= mark_start < end:
                segments.append(Segment(text[at:mark_start]))
                segments.append(Segment(text[mark_start:mark_end], marked=True))
                at = mark_end
        segments.append(Segment(text[at:end]))
    if windows and windows[-1][1] < len(text):
        segments.append(Segment("…", cut=True))
    return [segment for segment in segments if segment.text]
