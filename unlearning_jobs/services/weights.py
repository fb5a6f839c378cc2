"""Notes what the weights of versions and checkpoints are, and refuses those that would come back through another door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from compliance.record.errors import StaleStateError
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.tensors import Weights, require_finite, weights_of
from unlearning_jobs.models import Checkpoint, ModelVersion
from unlearning_jobs.weights import as_checkpoint_problem, as_import_problem


class KnownWeightsError(StaleStateError):
    """These are the weights of a version that is or was here, or of a checkpoint."""


def weights_read(folder: Path, on_read: Callable[[], object] = lambda: None) -> Weights:
    """Return what the weights in a folder of ours are; none, if its files are gone or cannot be read."""
    try:
        return weights_of(folder, on_read)
    except CheckpointError:
        return Weights()


def weights_note() -> None:
    """Note what the weights of rows from before there was such a note are. What was destroyed by then is not known."""
    rows: list[ModelVersion | Checkpoint] = [
        *ModelVersion.objects.filter(weights_digests=[]).exclude(path=""),
        *Checkpoint.objects.filter(weights_digests=[]),
    ]
    for row in rows:
        weights = weights_read(Path(settings.ARTEFACTS) / row.path)
        still = type(row).objects.filter(pk=row.pk, weights_digests=[])  # somebody else may have noted it meanwhile
        still.update(weights_sha256=row.weights_sha256 or weights.whole, weights_digests=list(weights.digests))


def weights_foreign(folder: Path) -> Weights:
    """Return what the weights of a folder that somebody brings are, if they can be used and are not from here.

    Whether they are those of a version is another question: ask before, so that the version is named.

    Raises:
        CheckpointError: they are damaged, or not all of them are finite numbers.
    """
    weights = weights_of(folder)
    require_finite(weights, folder)
    weights_note()
    return weights


def require_not_of_jobs(folder: Path) -> None:
    """Refuse a folder in which jobs keep models (CheckpointError): some were trained on what has to be forgotten."""
    if folder.resolve().is_relative_to(Path(settings.ARTEFACTS).resolve()):
        message = (
            f"The folder {folder.name} lies among the artefacts of this installation. What jobs leave there is not taken in"
            " again: train a model instead."
        )
        raise CheckpointError(message)


def require_no_model(weights: Weights) -> None:
    """Refuse weights of a version as a checkpoint (KnownWeightsError). Call it with the ledger locked, to rely on it."""
    if problem := as_checkpoint_problem(weights):
        raise KnownWeightsError(problem)


def require_new_model(weights: Weights) -> None:
    """Refuse weights of a version or a checkpoint as an import (KnownWeightsError); as `require_no_model`."""
    if problem := as_import_problem(weights):
        raise KnownWeightsError(problem)
