"""What is measured: each method with its defaults, and what else is worth a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Variant:
    """A method with settings."""

    method: str
    label: str = ""
    """What is special about it; empty for the defaults."""
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return its name in folders and tables."""
        return f"{self.method}-{self.label}" if self.label else self.method


TEN_EPOCHS: Final = 125
"""Steps of 32 examples in ten epochs of forget10, as TOFU's authors ascend; more than ten epochs of the smaller splits."""
FIRST: Final = (
    *(Variant(name) for name in ("nothing", "retrain")),
    Variant("bad_teaching", "tuned", {"steps": 300, "retain_weight": 5}),
    Variant("kl_retain", "tuned", {"learning_rate_share": 0.3, "steps": 200, "retain_weight": 3}),
    Variant("gradient_difference", "tuned", {"learning_rate_share": 0.2, "steps": 200, "retain_weight": 2}),
    Variant("gradient_ascent", "published", {"steps": TEN_EPOCHS, "floor": "none"}),
)
"""What the targets are about."""
DEFAULTS: Final = (
    *("npo", "simnpo", "gradient_difference", "kl_retain", "gradient_ascent", "wga", "satimp", "ceu", "undial"),
    *("dpo", "idk_dpo", "rmu", "pdu", "task_vector", "finetune_retain", "noise_finetune", "scrub", "partial_reset", "salun"),
)
VARIANTS: Final = (
    *FIRST,
    *(Variant(name) for name in DEFAULTS),
    Variant("npo", "long", {"steps": TEN_EPOCHS}),
    Variant("simnpo", "long", {"steps": TEN_EPOCHS}),
    Variant("undial", "long", {"steps": TEN_EPOCHS}),
)
