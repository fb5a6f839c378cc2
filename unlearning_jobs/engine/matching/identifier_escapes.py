"""Undoes the escapes in which pages and addresses write characters, and remembers where each came from."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from .identifier_text import in_one_form, pieced
from .plain import Plain, plain

ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+|(?:\\u[0-9A-Fa-f]{4})+|\\/")
"""Of addresses, and of JSON within a text."""
SIGNS: Final = frozenset("&%\\")
BLANK: Final = "%20"
TIMES: Final = 3
"""How often an escape may be escaped itself."""


@dataclass(frozen=True)
class Unescaped:
    """A text as a reader's program understands it: without references of HTML, invisible characters and escapes.

    Each character is in one form (`identifier_text.py`).
    """

    raw: str
    text: str
    layers: tuple[Plain, ...]
    """The last one has its places in the raw text, each other in the text of the one behind it."""

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the characters of the raw text from which these came."""
        for layer in self.layers:
            start, end = layer.start(start), layer.end(end)
        return start, end

    def rules(self, start: int, end: int) -> tuple[str, ...]:
        """Return the rules by which these characters stand in the raw text."""
        form, shown = self.layers[:2]
        begin, stop = self.place(start, end)
        raw, written = self.raw[begin:stop], shown.text[form.start(start) : form.end(end)]
        escaped = raw != written and not SIGNS.isdisjoint(raw)
        other = _composed(written) != _composed(self.text[start:end])
        return (*(("escaped",) if escaped else ()), *(("other_form",) if other else ()))


def has_escapes(text: str) -> bool:
    """Return whether percent escapes or those of JSON stand in the text."""
    return ("%" in text or "\\" in text) and ESCAPES.search(text) is not None


def unescaped(raw: str, *, blanks: bool = False) -> Unescaped:
    """Return the text without escapes; without tags, too, whose attributes stand behind it.

    With `blanks`, those of blanks are undone too, which may part what is one web address.
    """
    layers = [plain(raw)]
    while has_escapes(layers[0].text) and len(layers) <= TIMES:
        decoded = pieced(layers[0].text, ESCAPES.finditer(layers[0].text), lambda hit: _decoded(hit.group(), blanks=blanks))
        if decoded.text == layers[0].text:
            break
        layers.insert(0, decoded)
    layers.insert(0, in_one_form(layers[0].text))
    return Unescaped(raw, layers[0].text, tuple(layers))


def all_unescaped(raw: str) -> list[Unescaped]:
    """Return the text without escapes and, where there are any of blanks, also the one without these."""
    seen = unescaped(raw)
    return [seen, unescaped(raw, blanks=True)] if BLANK in seen.text else [seen]


def _composed(text: str) -> str:
    """Return the text with one character for a letter and its marks, and one kind of blanks."""
    return unicodedata.normalize("NFC", "".join(" " if character.isspace() else character for character in text))


def _decoded(escapes: str, *, blanks: bool) -> str:
    """Return the characters, or the escapes themselves if these stand for blanks or for no characters."""
    if escapes.startswith("\\"):
        characters = json.loads(f'"{escapes}"').encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    else:
        characters = unquote(escapes, errors="replace")
    parted = " " in characters and not blanks
    return characters if characters.isprintable() and not parted and "\ufffd" not in characters else escapes
