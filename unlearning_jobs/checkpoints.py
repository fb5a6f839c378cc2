"""Registered checkpoints: which one the models of a recipe start from, and whether its files are what was registered."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError

from .engine.artefacts import checkpoint_digest
from .engine.contracts import FromCheckpoint, Recipe
from .engine.errors import CheckpointError
from .models import Checkpoint
from .stamps import Stamp, is_settled, stamp_of
from .weights import as_checkpoint_problem, noted

OF_THE_CHECKPOINT: Final = ("parameters", "hidden_size", "layers", "vocabulary_size")
"""What a recipe says of its checkpoint's size. The rest of the architecture is the recipe's own choice."""


def checkpoint_of(recipe: Recipe) -> Checkpoint | None:
    """Return the checkpoint that the models of a recipe start from; None if they start from random weights.

    Raises:
        StaleStateError: it is not registered, or the recipe says another size of it; the sentence says what to do.
    """
    named = recipe.architecture
    if not isinstance(named, FromCheckpoint):
        return None
    checkpoint = Checkpoint.objects.filter(digest=named.base_sha256).first()
    if checkpoint is None:
        message = _(
            "No checkpoint with the digest %(digest)s is registered. Register it, and take over the architecture that the"
            " command prints: python manage.py checkpoint_register NAME --folder FOLDER"
        )
        raise StaleStateError(message % {"digest": named.base_sha256 or "“”"})
    if differs := [name for name in OF_THE_CHECKPOINT if getattr(named, name) != checkpoint.about[name]]:
        message = _("The recipe says another %(names)s than the checkpoint “%(checkpoint)s” has; describe it again.")
        raise StaleStateError(message % {"names": ", ".join(differs), "checkpoint": checkpoint})
    return checkpoint


def checkpoint_folder(checkpoint: Checkpoint) -> Path:
    return Path(settings.ARTEFACTS) / checkpoint.path


def base_of(checkpoint: Checkpoint | None) -> str:
    """Return what a job names as the base of its models; empty if they start from random weights."""
    return str(checkpoint_folder(checkpoint)) if checkpoint else ""


def checkpoint_problem(checkpoint: Checkpoint) -> str:
    """Return why no model can be trained from a checkpoint, and what to do; empty if one can.

    Its files are to be what was registered, and its weights not those of a model version.
    """
    return files_problem(checkpoint) or as_checkpoint_problem(noted(checkpoint))


def require_startable(checkpoint: Checkpoint | None) -> None:
    """Raise StaleStateError if no model can be trained from a checkpoint now; the sentence says what to do."""
    if checkpoint and (problem := checkpoint_problem(checkpoint)):
        raise StaleStateError(problem)


def files_problem(checkpoint: Checkpoint) -> str:
    """Return what is wrong with the files of a checkpoint, and what to do; empty if they are what was registered.

    They are read in full if that was never done, or if the file system says that anything was written since.
    """
    folder, row = checkpoint_folder(checkpoint), Checkpoint.objects.filter(pk=checkpoint.pk)
    stamp = _stamp(folder)
    if stamp and stamp == row.values_list("stamp", flat=True).get():
        return ""
    try:
        intact = checkpoint_digest(folder) == checkpoint.digest and _stamp(folder) == stamp
    except (OSError, CheckpointError):
        intact = False
    if not intact:
        message = _(
            "The files of the checkpoint “%(checkpoint)s” are gone or have changed. Restore them, or register it again under"
            " the same name: python manage.py checkpoint_register %(checkpoint)s --folder FOLDER"
        )
        return message % {"checkpoint": checkpoint}
    row.update(stamp=stamp if is_settled(stamp) else {})
    return ""


def _stamp(folder: Path) -> Stamp:
    try:
        return stamp_of(folder)
    except OSError:
        return {}  # a file went while the folder was read
