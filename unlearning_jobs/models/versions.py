"""Checkpoints, recipes and the model versions that are made from them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from unlearning_jobs.ringing import Rung
from unlearning_jobs.states import ModelState

from .corpora import CorpusSnapshot


class Checkpoint(models.Model):
    """A checkpoint that somebody else made and that models start from: a copy of its files, and what it is."""

    name = models.SlugField(max_length=40, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    """Digest of its files (`engine.artefacts.checkpoint_digest`)."""
    path = models.CharField(max_length=300)
    """Below ARTEFACTS."""
    about: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    """What a recipe says of it (a `FromCheckpoint` of `engine.contracts`)."""
    kind = models.CharField(max_length=60)
    """What its configuration calls its architecture, such as “llama”."""
    weights_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    """What its weights are, whatever its files are (`engine.tensors`); empty until it was noted, and then fixed."""
    weights_digests = ArrayField(models.CharField(max_length=64), default=list)
    """By which its weights are recognised."""
    bytes = models.PositiveBigIntegerField()
    stamp: models.JSONField[dict[str, list[int]], dict[str, list[int]]] = models.JSONField(default=dict)
    """What the file system said of its files when they were last checked against the digest (`stamps.stamp_of`)."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class RegisteredRecipe(models.Model):
    """A recipe (engine.contracts.Recipe) as JSON: everything that makes a model from a snapshot."""

    digest = models.CharField(max_length=64, unique=True)
    body: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, null=True, related_name="recipes")
    """What its models start from; null if they start from random weights."""
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def family(self) -> str:
        """The kind of model that it makes."""
        return str(self.body["family"])


class ModelVersion(Rung):
    """One version of a model, made by training, imported, or made by unlearning from its parent."""

    class Assurance(models.TextChoices):
        """How it is known what made it."""

        REPRODUCED = "reproduced", _("Trained here by its recipe")
        DECLARED = "declared", _("Trained elsewhere, by a declared recipe")
        BEHAVIOURAL = "behavioural", _("Trained elsewhere; nobody declared how")

    name = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=ModelState.choices, default=ModelState.CANDIDATE)
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="model_versions")
    recipe = models.ForeignKey(RegisteredRecipe, on_delete=models.PROTECT, related_name="model_versions")
    seed = models.BigIntegerField()
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    assurance = models.CharField(max_length=12, choices=Assurance.choices, default=Assurance.REPRODUCED)
    """What is unlearned from a declared version is declared as well, unless it is trained again. A behavioural one cannot be
    trained again: its recipe serves methods, and does not say how it was trained."""
    steps: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    """The unlearning steps (engine.contracts.UnlearningStep) since its training, oldest first."""
    left_out: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    """Ids of the training examples that it was never trained on, because they had been erased before: as it was trained
    here or, if it is declared, as was declared. The ledger named each of them when the version was registered, but for
    the half of its canaries that a draw left out (`selectors.never_learned`)."""
    ledger_sha256 = models.CharField(max_length=64, blank=True)
    """The state of the erasure ledger that it was compared with when it was registered; empty before there was one."""
    path = models.CharField(max_length=300)
    """Below ARTEFACTS; empty once destroyed."""
    digest = models.CharField(max_length=64)
    weights_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    """What its weights are, as of checkpoints; kept when its files are destroyed."""
    weights_digests = ArrayField(models.CharField(max_length=64), default=list)
    """By which its weights, and those of each of its adapters alone, are recognised (`engine.tensors.Weights.digests`)."""
    training_seconds = models.FloatField(default=0)
    """Measured wall time of one training by the recipe: the unit of expected costs."""
    training_device = models.CharField(max_length=120, blank=True)
    """The device of that measurement, such as “cpu (x86_64)”; empty when unknown."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "number"]
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="model_version_number_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(state="active"), name="model_one_active_version"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"

    @property
    def checkpoint(self) -> Checkpoint | None:
        """What it started from; None if from random weights."""
        return self.recipe.checkpoint

    @property
    def subject(self) -> str:
        """The name of this model in the record."""
        return f"model:{self.name}"

    @property
    def erased_ids(self) -> list[str]:
        """Ids of the examples that earlier steps unlearned."""
        return [example_id for step in self.steps for example_id in step["forget_ids"]]
