"""What a model knows of the forget set when its weights are rounded (Zhang et al. 2024)."""

from __future__ import annotations

from typing import ClassVar

from .after_attack import AfterAttack


class Quantized8(AfterAttack):
    """To 8 bits."""

    name: ClassVar[str] = "quantized_8"
    statistic: ClassVar[str] = "quantized_8"


class Quantized4(AfterAttack):
    """To 4 bits."""

    name: ClassVar[str] = "quantized_4"
    statistic: ClassVar[str] = "quantized_4"
