"""The attack on old and new model together: what became less likely is what was erased.

Whoever has both models sees what was removed, also after exact retraining (Chen et al. 2021, arXiv 2005.02205; Bertran et
al. 2024, arXiv 2405.20272). So it shows what a copy of the old model gives away, and is no fault of the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from .attack import Attack, Columns, Target


class Difference(Attack):
    """Compares what is measured of both models anyway; its metric does."""

    name: ClassVar[str] = "difference"

    def carry_out(self, target: Target) -> Mapping[str, Columns]:  # noqa: ARG002  # nothing more is measured
        return {}
