"""The names of columns as they are compared: without white space around them, and in the case in which a role has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Final

from .readers import Fields

MOST_COLUMNS: Final = 1000
"""Names that are remembered and listed; a file may have one of its own in every row."""


class ColumnNames:
    """Names the columns of one row after another."""

    def __init__(self, wanted: Collection[str] = ()) -> None:
        """Prepare to find these columns, which have a role, also where a file writes them in other capitals."""
        spellings = Counter(name.casefold() for name in wanted)
        self._wanted = {name.casefold(): name for name in wanted if spellings[name.casefold()] == 1}
        self._plain: set[str] = set()
        """Names that need no change, in whatever row they are."""

    def of(self, fields: Fields) -> Fields:
        """Return the row with the names of its columns as they are compared; what would collide keeps its own name."""
        if self._plain.issuperset(fields):
            return fields
        named = self._in_their_case(_trimmed(fields))
        if named is fields and len(self._plain) < MOST_COLUMNS:
            self._plain.update(name for name in fields if self._wanted.get(name.casefold(), name) == name)
        return named

    def _in_their_case(self, fields: Fields) -> Fields:
        others: dict[str, str] = {}
        for name in fields:
            wanted = self._wanted.get(name.casefold(), name)
            if wanted not in fields:
                others[name] = wanted
        found = Counter(others.values())
        others = {name: wanted for name, wanted in others.items() if found[wanted] == 1}
        return {others.get(name, name): value for name, value in fields.items()} if others else fields


def _trimmed(fields: Fields) -> Fields:
    if all(name == name.strip() and name for name in fields):
        return fields
    plain = {name: value for name, value in fields.items() if name == name.strip() and name}
    for name, value in fields.items():
        if name not in plain:
            short = name.strip()
            plain[short if short and short not in plain else f"column {name!r}"] = value
    return plain
