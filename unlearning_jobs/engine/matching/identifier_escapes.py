"""Undoes the escapes in which pages and addresses write characters, and remembers where each came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from .plain import Plain, plain

PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True)
class Unescaped:
    """A text as a reader's program understands it: without references of HTML, invisible characters and percent escapes."""

    raw: str
    text: str
    layers: tuple[Plain, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the characters of the raw text from which these came."""
        for layer in self.layers:
            start, end = layer.start(start), layer.end(end)
        return start, end


def unescaped(raw: str) -> Unescaped:
    """Return the text without escapes; without tags, too, whose attributes stand behind it."""
    seen = plain(raw)
    if "%" not in seen.text:
        return Unescaped(raw, seen.text, (seen,))
    decoded = _without_percent(seen.text)
    return Unescaped(raw, decoded.text, (decoded, seen))


def _without_percent(text: str) -> Plain:
    found, parts = Plain(""), list[str]()
    length = place = 0
    for hit in PERCENT.finditer(text):
        for part, origin in ((text[place : hit.start()], (place, -1)), (_decoded(hit.group()), hit.span())):
            if part:
                found.starts.append(length)
                found.origins.append(origin)
                parts.append(part)
                length += len(part)
        place = hit.end()
    if text[place:]:
        found.starts.append(length)
        found.origins.append((place, -1))
        parts.append(text[place:])
    found.text = "".join(parts)
    return found


def _decoded(escapes: str) -> str:
    """Return the characters, or the escapes themselves if these stand for blanks or for no characters."""
    characters = unquote(escapes, errors="replace")
    return characters if characters.isprintable() and " " not in characters and "\ufffd" not in characters else escapes
