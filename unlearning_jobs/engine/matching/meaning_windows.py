"""Cuts texts into windows that an encoder reads whole, with their places in the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .encoder import Encoder

TOKENS: Final = 80
"""Tokens of a window, about three sentences: a longer one says too many things at once to be close to any."""
SENTENCE: Final = 24
"""Tokens of the short windows in which a query is searched for as well: examples may be single sentences."""
SPECIAL: Final = 2
"""Tokens that encoders put around a text."""
ENDS: Final = frozenset(".!?…。！？।؟\n")


def windows(encoder: Encoder, text: str, tokens: int = TOKENS) -> Iterator[tuple[int, int]]:
    """Yield start and end of consecutive windows that cover the text; they end with a sentence where there is one."""
    places = encoder.tokenizer.encode(text, add_special_tokens=False).offsets
    most, first = min(tokens, encoder.most_tokens - SPECIAL), 0
    while first < len(places):
        last = _last(text, places, first, most)
        yield places[first][0], places[last - 1][1]
        first = last


def knows_a_word(encoder: Encoder, text: str) -> bool:
    """Return whether the encoder has a token for any letter or digit of the text."""
    unknown = getattr(encoder.tokenizer.model, "unk_token", None)
    tokens = encoder.tokenizer.encode(text, add_special_tokens=False).tokens
    return any(token != unknown and any(map(str.isalnum, token)) for token in tokens)


def _last(text: str, places: list[tuple[int, int]], first: int, most: int) -> int:
    """Return where the window that begins at this token ends: after a sentence if one ends in its second half."""
    furthest = min(first + most, len(places))
    if furthest == len(places):
        return furthest
    for last in range(furthest, first + most // 2, -1):
        # Up to the next token, because white space belongs to no token.
        if ENDS.intersection(text[places[last - 1][0] : places[last][0]]):
            return last
    return furthest
