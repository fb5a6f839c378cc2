"""The names of columns as they are compared: without white space around them."""

from __future__ import annotations

from typing import Final

from .readers import Fields

MOST_COLUMNS: Final = 1000
"""Names that are remembered and listed; a file may have one of its own in every row."""


def trimmed(fields: Fields, names: dict[str, str]) -> Fields:
    """Return the row with column names without white space around them; what would collide keeps its own name.

    `names` remembers, for the next row, which names need no change.
    """
    if all(name in names for name in fields):
        return fields
    if all(name == name.strip() and name for name in fields):
        if len(names) < MOST_COLUMNS:
            names.update({name: name for name in fields})
        return fields
    plain = {name: value for name, value in fields.items() if name == name.strip() and name}
    for name, value in fields.items():
        if name not in plain:
            short = name.strip()
            plain[short if short and short not in plain else f"column {name!r}"] = value
    return plain
