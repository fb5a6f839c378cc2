"""What may stand in a line that people read: names in folders and files of others can hold what steers a terminal."""

from __future__ import annotations

import json
from typing import Any


def printable(text: str) -> str:
    """Return a text without what would steer a terminal, such as escapes, line breaks and marks that turn text around."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def readable_json(value: Any, indent: int | None = None) -> str:
    """Return JSON in which letters of every script stand as they are, and what would steer a terminal is escaped."""
    lines = json.dumps(value, indent=indent, ensure_ascii=False).split("\n")
    return "\n".join("".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line) for line in lines)
