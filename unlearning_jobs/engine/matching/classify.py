"""Decides what a line is that somebody wrote among other names and accounts."""

from __future__ import annotations

from typing import Literal

from .identifier_form import Handle, identifier_form
from .names.given import is_given
from .query import QueryError
from .words import words


def classify(value: str) -> Literal["name", "identifier"]:
    """Return the kind of query for a line: an address, a number and an account name are identifiers, all else is a name.

    A single word is an account name if it has a sign, a digit or punctuation that names do not have, or no capital. What is
    neither is a name, and the search says what is wrong with it.
    """
    try:
        form = identifier_form(value)
    except QueryError:
        return "name" if words(value) else "identifier"
    if not isinstance(form, Handle):
        return "identifier"
    bare = value.strip()
    plain = bare.replace("-", "").isalpha()
    cased = bare.lower() != bare.upper()
    return "name" if plain and (not cased or bare[0].isupper() or is_given(bare)) else "identifier"
