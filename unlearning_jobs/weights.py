"""Finds whose weights these are: of a model version that there is or was, or of a checkpoint. Says why a door stays shut.

What is erased from a model is gone only if its weights come back through no door: neither as a checkpoint that others start
from, nor as a model that was trained elsewhere.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from .engine.tensors import Weights
from .models import Checkpoint, ModelVersion


def version_with(weights: Weights) -> ModelVersion | None:
    """Return the oldest version that has or had these weights, or one of these adapters; None if none is known.

    Versions that learned nothing, and so have the weights of their own checkpoint, do not count.
    """
    versions = (
        ModelVersion.objects.filter(weights_digests__overlap=list(weights.digests))
        .select_related("recipe__checkpoint", "snapshot__corpus")
        .order_by("pk")
    )
    return next((version for version in versions if not _learned_nothing(version)), None)


def _learned_nothing(version: ModelVersion) -> bool:
    return version.checkpoint is not None and version.weights_sha256 == version.checkpoint.weights_sha256


def checkpoint_with(weights: Weights) -> Checkpoint | None:
    """Return the registered checkpoint that has these weights; None if none is known."""
    return Checkpoint.objects.filter(weights_digests__overlap=list(weights.digests)).first()


def noted(checkpoint: Checkpoint) -> Weights:
    """Return what was noted of a checkpoint's weights."""
    return Weights(checkpoint.weights_sha256, tuple(checkpoint.weights_digests))


def as_checkpoint_problem(weights: Weights) -> str:
    """Return why no model may start from these weights, and what to do; empty if one may."""
    if version := version_with(weights):
        message = _(
            "These are the weights of %(model)s, which learned from the corpus %(corpus)s. No model starts from them: what"
            " is erased from one would come back with the other."
        )
        return f"{message % {'model': version, 'corpus': version.snapshot}} {_instead(version)}"
    return ""


def as_import_problem(weights: Weights) -> str:
    """Return why these weights are not imported, and what to do; empty if they may be."""
    if version := version_with(weights):
        message = _(
            "These are the weights of %(model)s, which is or was a model here. They are not imported again: what is erased"
            " from one would come back with the other."
        )
        return f"{message % {'model': version}} {_instead(version)}"
    if checkpoint := checkpoint_with(weights):
        message = _(
            "These are the weights of the checkpoint “%(checkpoint)s”, from which models start. They are not imported as a"
            " model: what is erased from that would stay in the checkpoint. Register the corpus, and train a model from the"
            " checkpoint."
        )
        return message % {"checkpoint": checkpoint}
    return ""


def _instead(version: ModelVersion) -> str:
    if version.checkpoint:
        message = _(
            "Register the corpus, and train a model from the checkpoint “%(checkpoint)s”, from which %(model)s started:"
            " trainings leave out what was erased."
        )
        return message % {"checkpoint": version.checkpoint, "model": version}
    return _("Register the corpus, and train a model by the recipe of %(model)s: trainings leave out what was erased.") % {
        "model": version
    }
