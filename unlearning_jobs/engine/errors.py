"""The engine's exceptions. People see the messages unchanged, so they name no person and say what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final

from .printing import printable

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
NO_MEMORY: Final = ("out of memory", "not enough memory", "can't allocate memory", "can't start new thread")
"""What torch says when memory runs out in the middle of the work, in words that are compared and never shown."""
NO_ROOM: Final = ("No space left on device", "failed writing file", "Disk quota exceeded", "File too large")
"""What libraries that write files say when the disk is full, if they raise an error of their own."""


class EngineError(Exception):
    """A job cannot go on; the message says why and what to do about it.

    `code` is stable and machine-readable. The job's row and the record keep it. Messages quote names from folders and files
    of others, so none keeps what would steer the terminal on which it is printed.
    """

    code = "engine_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(printable(message))
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


class MachineError(EngineError):
    """The machine is in the way of the job: its disk is full, or a folder may not be written to."""

    code = "machine"


def explained(error: BaseException) -> EngineError | None:
    """Return what an error of the operating system or of torch means for a job; None for any other error."""
    for one in _causes(error):
        if isinstance(one, OSError) and one.errno in FORBIDDEN:
            message = "A file or folder of the job may not be read or written here. Check the rights of the worker's user."
            return MachineError(message, code="forbidden")
        if (isinstance(one, OSError) and one.errno in FULL) or _says(one, NO_ROOM):
            message = (
                "The disk is full, or a limit of it reached, so nothing more could be written. Make room on the machine that"
                " ran the job."
            )
            return MachineError(message, code="disk_full")
        if isinstance(one, MemoryError) or _says(one, NO_MEMORY):
            message = "The memory ran out during the work. Use smaller batches, or a machine with more memory."
            return OutOfMemoryError(message)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    """Compare an error that is none of the operating system's; torch and safetensors have classes of their own."""
    return not isinstance(error, EngineError | OSError) and any(word in str(error) for word in words)
