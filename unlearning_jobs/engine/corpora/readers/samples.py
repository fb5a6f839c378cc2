"""The members of a WebDataset archive that are one row together."""

from __future__ import annotations

from typing import Any, Final

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import Broken, Fields, Picture
from .lines import parsed_object
from .repeated import free_name

PICTURES: Final = frozenset({"jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"})
COLUMNS: Final = {"txt": "text", "text": "text", "cls": "label"}
PICKLES: Final = frozenset({"pyd", "pkl", "pickle", "pth", "pt"})


class Sample:
    """One row, as its members are added. No column hides another; a member counts before what a JSON object says."""

    def __init__(self, key: str, options: ReadOptions) -> None:
        self.key = key
        self._options = options
        self._fields: dict[str, Any] = {"__key__": key}
        self._endings: set[str] = set()
        self._said: dict[str, str] = {}
        """Columns that a member .json says, with the ending of that member."""
        self._broken: Broken | None = None

    def add(self, ending: str, content: bytes) -> None:
        """Add one member, as a column named by its ending."""
        last = ending.rpartition(".")[2]
        if ending in self._options.ignored or last in self._options.ignored:
            return
        if ending in self._endings:
            named = f"called .{ending}" if ending else "without an ending"
            self._broken = Broken(f"two members of one name are {named}; pack each under a name of its own")
        self._endings.add(ending)
        if last in PICKLES:
            reason = f"a member ends in .{last}, and nothing is unpickled; leave it out with --ignore {last}"
            self._broken = Broken(reason)
        elif last in PICTURES:
            self._keep("image", Picture(content, f"{self.key}.{ending}"), ending)
        elif last == "json":
            self._add_object(ending, content)
        else:
            self._add_text(ending, last, content)

    def row(self) -> Fields | Broken:
        """Return the row, or why it cannot be read."""
        return self._broken or self._fields

    def _add_text(self, ending: str, last: str, content: bytes) -> None:
        try:
            text = content.decode(self._options.encoding)
        except UnicodeDecodeError:
            reason = f"a member .{ending} is neither text nor a picture; leave it out with --ignore {last}"
            self._broken = Broken(reason)
            return
        self._keep(COLUMNS.get(ending, ending or "member"), text, ending)

    def _add_object(self, ending: str, content: bytes) -> None:
        try:
            parsed = parsed_object(content.decode(self._options.encoding))
        except UnicodeDecodeError:
            parsed = Broken(f"a member .{ending} is not {self._options.encoding.upper()}")
        if isinstance(parsed, Broken):
            self._broken = parsed
            return
        for name, value in parsed.items():
            if name not in self._fields:
                self._said[name] = ending
            self._put(name, value, f"{ending}.{name}")

    def _keep(self, name: str, value: object, ending: str) -> None:
        """Keep a member's value; what a JSON object said under this name before moves."""
        if name in self._said:
            said, self._fields[name] = self._fields[name], value
            self._put(f"{self._said.pop(name)}.{name}", said)
        else:
            self._put(name, value, ending)

    def _put(self, name: str, value: object, other: str = "") -> None:
        if name in self._fields:
            name = free_name(other or name, self._fields)
        self._fields[name] = value
