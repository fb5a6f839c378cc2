"""What a judgement by canaries is about. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CanarySource:
    """A model before and after unlearning, and what was said before the training."""

    snapshot: Path
    original: Path
    unlearned: Path
    model: str
    """What the model was called when the draw was sealed."""
    commitment: str
    """What was published then."""
    excluded: tuple[str, ...] = ()
    """What else the training of the original left out, besides the half that was drawn."""
    forgotten: tuple[str, ...] | None = None
    """Everything that was erased; None if that is not known."""
    template: str = ""
    max_length: int = 0
