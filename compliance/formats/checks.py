"""Checks of single values, and the one way to refuse what is not as it must be."""

from __future__ import annotations

import re
from typing import NoReturn

from .errors import FormatError

SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
LONGEST_SHOWN = 60
"""Characters of a wrong value that an error message repeats."""


def refuse(where: str, expected: str, value: object) -> NoReturn:
    """Raise FormatError: `where` must be `expected`, not `value`, which is shown escaped and cut."""
    text = ascii(value)  # control characters must not reach a terminal
    if len(text) > LONGEST_SHOWN:
        text = text[: LONGEST_SHOWN - 3] + "..."
    message = f"{where} must be {expected}, not {text}."
    raise FormatError(message)


def check_digest(value: str, where: str) -> None:
    """Raise FormatError unless `value` is a SHA-256 digest in lower-case hex."""
    if not SHA256.fullmatch(value):
        refuse(where, "a SHA-256 digest in lower-case hex", value)


def check_pattern(pattern: re.Pattern[str], value: str, where: str, expected: str) -> None:
    """Raise FormatError unless the whole of `value` matches."""
    if not pattern.fullmatch(value):
        refuse(where, expected, value)
