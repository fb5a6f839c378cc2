"""What the gateway counts. It logs counts, and never a text, a name or an address."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

from unlearning_jobs.engine.guards import Refused

logger = logging.getLogger(__name__)


class Counts:
    """How often what happened since the start."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._by_guard: Counter[str] = Counter()
        self._logged = ""

    def add(self, what: str) -> None:
        """Count something, such as an error's code."""
        self._counts[what] += 1

    def refused(self, what: str, refusals: Iterable[Refused]) -> None:
        """Count what guards kept back, by their digests."""
        for one in refusals:
            self._counts[what] += 1
            self._by_guard[one.guard.digest()[:16]] += 1

    def to_json(self) -> dict[str, Any]:
        """Return all counts."""
        return {"counts": dict(sorted(self._counts.items())), "by_guard": dict(sorted(self._by_guard.items()))}

    def log(self) -> None:
        """Log the counts, if there is anything new."""
        line = json.dumps(self.to_json())
        if line != self._logged:
            logger.info("%s", line)
            self._logged = line
