"""Reads the values of single columns: a text, the name of a class, whatever else as text."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Final, Literal

from .conversations import is_conversation, text_of_turns
from .readers import Fields, Picture

SkipReason = Literal["empty", "elsewhere", "incomplete", "unlabelled", "unanswered", "broken"]
SKIPPED: Final[Mapping[SkipReason, str]] = {
    "empty": "nothing in any column",
    "elsewhere": "nothing in the columns that have a role, but something in others",
    "incomplete": "nothing in one of the columns that have a role",
    "unlabelled": "no label",
    "unanswered": "nobody answers in the conversation",
    "broken": "cannot be read",
}
Text = dict[str, str]
LARGEST_LABEL: Final = 2**53
"""Beyond it, numbers with a point stand for several whole ones each."""


class RowError(ValueError):
    """A row does not fit. The message never quotes it, because it may be about a person."""


class RowSkipped(Exception):
    """A row has nothing to learn from; the corpus is made without it, and the report says so."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason: SkipReason = reason


def is_missing(value: object) -> bool:
    """Return whether a value is nothing: none, white space, an empty structure, or not a number."""
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, list | dict | tuple) and not value)


def read_text(value: object, name: str, metadata: Text) -> str:
    """Return the text of a column. What else a structure holds, such as further answers, becomes metadata."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if is_conversation(value):
        return text_of_turns(value)
    found = value.get("text") if isinstance(value, Mapping) else value
    if isinstance(found, list) and isinstance(value, Mapping) | name.endswith("answers"):
        if found and isinstance(found[0], str):
            metadata[name] = as_text(value, name)
            return found[0]
        raise RowSkipped(reason="incomplete")
    message = f"{name} must be text, not {type(value).__name__}; choose another column with --role"
    raise RowError(message)


def texts_of(value: object, name: str) -> tuple[str, ...]:
    """Return the texts of a list, or of a list as JSON in a table of text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)  # a column of a table as text
        except json.JSONDecodeError:
            value = None
    if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
        message = f"{name} must be a list of strings (as JSON in tables of text), none of them empty"
        raise RowError(message)
    return tuple(value)


def read_label(fields: Fields, columns: tuple[str, ...]) -> str:
    """Return the name of a class; numbers are names, too."""
    value = fields[columns[0]]
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):  # numbers beside missing ones often become 1.0
        if value.is_integer() and abs(value) <= LARGEST_LABEL:
            return str(int(value))
        message = f"{columns[0]} holds a number that names no class: one with a fraction, or too large to be exact"
        raise RowError(message)
    message = f"{columns[0]} must be the name or the number of a class, not {type(value).__name__}"
    raise RowError(message)


def as_text(value: object, name: str) -> str:
    """Return a value as text: structures as JSON, bytes as text or base64."""
    if isinstance(value, str):
        return value
    if isinstance(value, Picture):
        message = f"{name} holds pictures, which no role is for; leave it out with --ignore {name}"
        raise RowError(message)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(value, ensure_ascii=False, default=_scalar)
    return str(value)


def _scalar(value: object) -> str:
    return base64.b64encode(value.content).decode() if isinstance(value, Picture) else as_text(value, "")
