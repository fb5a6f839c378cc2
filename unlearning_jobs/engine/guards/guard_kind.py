"""What every kind of guard says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .asked import Asked


@dataclass(frozen=True)
class GuardKind:
    """What a kind of guard is, and what it does: it rewrites what a model is asked, or reads what passes by."""

    title: str
    description: str
    source: str
    settings: type
    problem: Callable[[Any], str]
    """Why a guard with these settings would do nothing, or match nearly everything; empty if neither."""
    rewrite: Callable[[Any, Asked], Asked] | None = None
    """What the model is asked instead."""
    reads: Literal["questions", "answers", ""] = ""
    """What a filter reads."""
