"""Methods whose verdict is known beforehand."""

from __future__ import annotations

from typing import Final

from .entry import EVERY_FAMILY, MethodEntry

CONTROLS: Final = (
    MethodEntry(
        "nothing",
        "Do nothing",
        "control",
        EVERY_FAMILY,
        "A control of this system",
        "Returns the model unchanged. An evaluation that does not fail it shows nothing.",
        cost=lambda _facts, _config: 0.0,
    ),
)
