"""The engine's exceptions. People see the messages unchanged, so they name no person and say what to do."""

from __future__ import annotations


class EngineError(Exception):
    """A job cannot go on; the message says why and what to do about it.

    `code` is stable and machine-readable. The job's row and the record keep it.
    """

    code = "engine_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class SpecError(EngineError):
    """The job spec is wrong: an unknown name, an empty forget set, a protocol without power."""

    code = "bad_spec"


class CheckpointError(SpecError):
    """The checkpoint that models start from is gone, cannot be used, or is not the one that the recipe names."""

    code = "bad_checkpoint"


class CorpusError(EngineError):
    """A corpus cannot be read, is empty, or differs from the one that the spec names."""

    code = "bad_corpus"


class ObstacleError(EngineError):
    """The chosen method cannot run on this model and data; raised before the work starts if possible."""

    code = "obstacle"


class OutOfMemoryError(EngineError):
    """The model with its optimiser state does not fit in the memory of this machine."""

    code = "out_of_memory"


class TrainingDivergedError(EngineError):
    """The loss became NaN or infinite."""

    code = "training_diverged"
