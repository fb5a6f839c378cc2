"""The error of everything that guards do."""

from __future__ import annotations

from unlearning_jobs.engine.errors import EngineError


class GuardError(EngineError):
    """A guard cannot be made, read or used; the message says why and quotes nothing of what it keeps back."""

    code = "bad_guard"
