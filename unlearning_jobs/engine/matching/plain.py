"""Takes out of a raw text what readers do not see, and remembers where every character came from.

Soft hyphens, zero-width characters, inline tags and character references stand inside words without parting them. What tags
say in their attributes is kept, behind the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

BREAK: Final = "\ufdd0"
"""Stands between the text and the attributes of each tag. Unicode keeps this code point free for such purposes."""

INVISIBLE: Final = (
    "\u00ad\u034f\u0640\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e01ef"
)
"""Soft hyphen, Arabic stretching, zero-width characters, directions, variation selectors, fillers."""
COMPATIBLE: Final = (
    "\u00bc-\u00be\u013f\u0140\u037a\u0e33\u0eb3\u0edc\u0edd\u0f43\u0f4d\u0f52\u0f57\u0f5c\u0f69\u20a8\u2100-\u215f\u2189"
    "\u2460-\u24ff\u2e9f\u2ef3\u2f00-\u2fd5\u309b\u309c\u3196-\u319f\u3200-\u33ff\uff61-\uffdc\ufc5e-\ufc63\ufdfa-\ufdfc\ufe70-\ufe7f"
    "\U0001f100-\U0001f2ff"
)
"""Characters whose compatible form (NFKC) parts words elsewhere: fractions, squared words, half-width Kana, Thai AM."""
VOICING: Final = "\u309b\u309c"
"""Sound marks of Kana that take a place of their own, and belong to the letter before all the same."""
INLINE: Final = (
    "abbr|acronym|a|bdi|bdo|big|b|cite|code|data|del|dfn|em|font|ins|i|kbd|label|mark|nobr|q|samp|small|span|strike|strong|sub"
    "|sup|s|time|tt|u|var|wbr"
)
BLOCK: Final = (
    "address|article|aside|audio|base|blockquote|body|br|button|canvas|caption|center|col|colgroup|dd|details|dialog|div|dl|dt"
    "|embed|fieldset|figcaption|figure|footer|form|frame|h[1-6]|head|header|hr|html|iframe|img|input|legend|li|link|main|map"
    "|meta|nav|noscript|object|ol|optgroup|option|param|picture|pre|p|rp|rt|ruby|script|section|select|source|style|summary"
    "|svg|table|tbody|td|template|textarea|tfoot|thead|th|title|track|tr|ul|video"
)
# Each part is possessive (*+) and stops at the next "<" at the latest, so that no text makes it slower than linear.
ATTRIBUTE: Final = r"""\s++[A-Za-z_:@][^\s<>/=\"']*+(?:\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'|[^\s\"'<>=]++))?+"""
SPECIAL: Final = re.compile(
    rf"(?P<invisible>[{INVISIBLE}]+)|(?P<compatible>[{COMPATIBLE}])|(?P<broken>{BREAK})"
    r"|(?P<reference>&(?:amp;){0,3}(?:[A-Za-z][A-Za-z0-9]{1,31}|\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6});)"
    rf"|(?i:</?+(?:(?P<inline>{INLINE})|(?:{BLOCK}))(?![\w:-])(?P<attributes>(?:{ATTRIBUTE})*+)\s*+/?+>)"
)
SIGN: Final = re.compile(f"[<&{BREAK}{INVISIBLE}{COMPATIBLE}]")
"""What every special place begins with. Most texts have none, and this is found out quickly."""


@dataclass
class Plain:
    """A text without what readers do not see, and the places that its characters have in the raw text."""

    text: str
    starts: list[int] = field(default_factory=list)
    """Where each piece begins in `text`."""
    origins: list[tuple[int, int]] = field(default_factory=list)
    """The piece's place in the raw text; the end is -1 for a piece that stands there letter by letter."""

    def start(self, place: int) -> int:
        """Return where the character at this place begins in the raw text."""
        if not self.starts:
            return place
        piece = bisect_right(self.starts, place) - 1
        start, end = self.origins[piece]
        return start if end >= 0 else start + place - self.starts[piece]

    def end(self, place: int) -> int:
        """Return where the character before this place ends in the raw text."""
        if not self.starts:
            return place
        piece = bisect_right(self.starts, place - 1) - 1
        start, end = self.origins[piece]
        return end if end >= 0 else start + place - self.starts[piece]


def is_plain(text: str) -> bool:
    """Return whether the text shows readers what it holds, at a glance; False means that it has to be looked at."""
    return "<" not in text and "&" not in text and (text.isascii() or not SIGN.search(text))


def plain(text: str) -> Plain:
    """Return what a reader sees of the text, then, behind a break each, the attributes of its tags."""
    if is_plain(text) or not SPECIAL.search(text):
        return Plain(text)
    found = Plain("")
    parts: list[str] = []
    length = 0
    attributes: list[tuple[int, int]] = []

    def add(part: str, start: int, end: int) -> None:
        nonlocal length
        if part:
            found.starts.append(length)
            found.origins.append((start, end))
            parts.append(part)
            length += len(part)

    def add_all(first: int, last: int) -> None:
        place = first
        for hit in SPECIAL.finditer(text, first, last):
            add(text[place : hit.start()], place, -1)
            add(_seen(hit), hit.start(), hit.end())
            if hit["attributes"]:
                attributes.append(hit.span("attributes"))
            place = hit.end()
        add(text[place:last], place, -1)

    add_all(0, len(text))
    for start, end in attributes:  # attributes hold no tags, so that this adds no more of them
        add(BREAK, start, end)
        add_all(start, end)
    found.text = "".join(parts)
    return found


def _seen(hit: re.Match[str]) -> str:
    """Return what a reader sees in the place of an invisible character, a reference or a tag."""
    match hit.lastgroup:
        case "invisible":
            return ""
        case "compatible":
            form = unicodedata.normalize("NFKC", hit.group())
            return form.lstrip() if hit.group() in VOICING else form
        case "reference":
            return "".join(_characters(hit.group()))
    return "" if hit["inline"] else " "


def _characters(reference: str) -> Iterator[str]:
    for character in html.unescape(re.sub("^&(?:amp;)+(?=[#A-Za-z])", "&", reference)):
        special = SPECIAL.fullmatch(character)
        yield _seen(special) if special else character
