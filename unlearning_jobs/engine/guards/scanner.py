"""Reads texts for all filters at once, whole or as they arrive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from unlearning_jobs.engine.matching.encoder import Encoder

from .finders import FINDERS, Finder
from .finders.finder import Hit
from .patterns import FilterSettings
from .settled import Settling


class Scanner:
    """The patterns of filters, each with the number of its guard, ready to be looked for."""

    def __init__(self, filters: Mapping[int, FilterSettings], encoder: Encoder | None = None) -> None:
        patterns: defaultdict[str, list[tuple[int, Any]]] = defaultdict(list)
        for guard, settings in filters.items():
            for pattern in settings.patterns:
                patterns[pattern.match].append((guard, pattern.of))
        self.finders: Sequence[Finder] = [FINDERS[match](of, encoder) for match, of in patterns.items()]

    def begin(self, acting: Collection[int]) -> Scan:
        """Begin to read a text for the guards with these numbers."""
        return Scan(self, acting)

    def first(self, texts: Iterable[str], acting: Collection[int]) -> int | None:
        """Return the number of the guard whose pattern is found first in one of the texts; None if there is none."""
        for text in texts:
            scan = self.begin(acting)
            scan.read(text, final=True)
            if scan.found:
                return scan.found.guard
        return None


class Scan:
    """One text that is read: what was found first, and up to where nothing can be found any more."""

    def __init__(self, scanner: Scanner, acting: Collection[int]) -> None:
        self._settling = Settling()
        self._sessions = [finder.session(acting) for finder in scanner.finders] if acting else []
        self.found: Hit | None = None
        """The match that begins first; if several do, that of the guard with the lowest number."""
        self.held = 0
        """No other match begins before this place."""

    def read(self, text: str, *, final: bool = False) -> None:
        """Read what follows."""
        part = self._settling.read(text, final=final)
        hits = [hit for session in self._sessions for hit in session.read(part)]
        if hits:
            self.found = min([*hits, *([self.found] if self.found else [])])
        self.held = min([session.held for session in self._sessions], default=part.end)
