"""Notes what the weights of versions and checkpoints are, and refuses those that would come back through another door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings

from compliance.record.errors import StaleStateError
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.tensors import Weights, has_adapters, require_finite, weights_of
from unlearning_jobs.models import Checkpoint, ModelVersion
from unlearning_jobs.weights import as_checkpoint_problem, as_import_problem

OF_NUMBERS: Final = 2
"""Digests of a model's or an adapter's weights: in bfloat16 and in float16."""


class KnownWeightsError(StaleStateError):
    """These are the weights of a version that is or was here, or of a checkpoint."""


def weights_read(folder: Path, on_read: Callable[[], object] = lambda: None) -> Weights:
    """Return what the weights in a folder of ours are; none, if its files are gone or cannot be read."""
    try:
        return weights_of(folder, on_read)
    except CheckpointError:
        return Weights()


def weights_note() -> None:
    """Note what the weights of rows from before there was such a note are; of lost files, what was noted before stays."""
    few = {"weights_digests__len__lt": 2 * OF_NUMBERS}
    for version in ModelVersion.objects.filter(**few).exclude(path=""):
        weights_note_of(version)
    for checkpoint in Checkpoint.objects.filter(**few):
        weights_note_of(checkpoint)


def weights_note_of(row: ModelVersion | Checkpoint) -> None:
    """Note what the weights of a row are, if its files are there and say more than is noted."""
    folder = Path(settings.ARTEFACTS) / row.path
    if len(row.weights_digests) >= OF_NUMBERS * (2 if has_adapters(folder) else 1):
        return
    weights = weights_read(folder)
    if set(weights.digests) - set(row.weights_digests):
        whole = row.weights_sha256 or weights.whole
        digests = list(dict.fromkeys((*row.weights_digests, *weights.digests)))
        type(row).objects.filter(pk=row.pk).update(weights_sha256=whole, weights_digests=digests)


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
