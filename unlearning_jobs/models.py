"""Corpora, recipes, model versions and jobs. They hold example ids and digests; no person is known here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from .ringing import Rung
from .states import JobState, ModelState


class Corpus(models.Model):
    """A training data set with a name."""

    name = models.SlugField(max_length=40, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "corpora"

    def __str__(self) -> str:
        return self.name


class CorpusSnapshot(models.Model):
    """An immutable, digested state of a corpus."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="snapshots")
    digest = models.CharField(max_length=64, unique=True)
    merkle_root = models.CharField(max_length=64)
    path = models.CharField(max_length=300)
    """Below ARTEFACTS."""
    counts: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField()
    """Examples per set: train, held_out, and named probe sets."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.corpus.name} {self.digest[:12]}"


class RegisteredRecipe(models.Model):
    """A recipe (engine.contracts.Recipe) as JSON: everything that makes a model from a snapshot."""

    digest = models.CharField(max_length=64, unique=True)
    body: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def family(self) -> str:
        """The kind of model that it makes."""
        return str(self.body["family"])


class ModelVersion(Rung):
    """One version of a model, made by training or by unlearning from its parent."""

    name = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=ModelState.choices, default=ModelState.CANDIDATE)
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="model_versions")
    recipe = models.ForeignKey(RegisteredRecipe, on_delete=models.PROTECT, related_name="model_versions")
    seed = models.BigIntegerField()
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    steps: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    """The unlearning steps (engine.contracts.UnlearningStep) since its training, oldest first."""
    path = models.CharField(max_length=300)
    """Below ARTEFACTS; empty once destroyed."""
    digest = models.CharField(max_length=64)
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
    def subject(self) -> str:
        """The name of this model in the record."""
        return f"model:{self.name}"

    @property
    def erased_ids(self) -> list[str]:
        """Ids of the examples that earlier steps unlearned."""
        return [example_id for step in self.steps for example_id in step["forget_ids"]]


class Job(Rung):
    """One training or unlearning job. This row is the truth about it; a queue message only carries its id."""

    class Kind(models.TextChoices):
        TRAIN = "train"
        UNLEARN = "unlearn"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    subject = models.CharField(max_length=80)
    """What the record files this job under: the request that it serves, or the model that it makes. Opaque."""
    item = models.CharField(max_length=40, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    """Number of the approved attempt at the item; 0 for a training."""
    model_name = models.SlugField(max_length=40)
    base = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="jobs")
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="jobs")
    recipe = models.ForeignKey(RegisteredRecipe, on_delete=models.PROTECT, related_name="jobs")
    result_version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, null=True, related_name="made_by")
    spec: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    """engine.contracts.JobSpec, as JSON."""

    runs = models.PositiveSmallIntegerField(default=0)
    max_runs = models.PositiveSmallIntegerField(default=3)
    fencing_token = models.PositiveIntegerField(default=0)
    """Raised by every claim; a worker that holds an older token can write nothing."""
    lease_until = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)

    stage = models.CharField(max_length=60, blank=True)
    done = models.FloatField(default=0)
    total = models.FloatField(default=0)
    curves: models.JSONField[dict[str, list[list[float]]], dict[str, list[list[float]]]] = models.JSONField(default=dict)
    output = models.CharField(max_length=300, blank=True)
    """Folder of the run that completed, below ARTEFACTS."""
    costs: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    """What the completed job cost, as services.model_versions.job_costs measured it; forecasts learn from it."""
    verdict = models.CharField(max_length=30, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="job_running_has_lease", condition=~Q(state="running") | Q(lease_until__isnull=False)
            ),
            models.CheckConstraint(name="job_runs_bounded", condition=Q(runs__lte=F("max_runs"))),
            models.CheckConstraint(name="job_completed_has_output", condition=~Q(state="completed") | ~Q(output="")),
            models.UniqueConstraint(
                fields=["subject", "item"],
                condition=Q(state__in=["queued", "running"]) & ~Q(item=""),
                name="job_one_live_per_item",
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.pk} ({self.kind})"

    @property
    def is_final(self) -> bool:
        return self.state in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}

    @property
    def method_name(self) -> str:
        return str((self.spec.get("method") or {}).get("name", ""))


class JobRun(models.Model):
    """One claim of a job by a worker, and how it ended."""

    class Outcome(models.TextChoices):
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        KILLED = "killed"
        LOST = "lost"
        CANCELLED = "cancelled"

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="run_rows")
    number = models.PositiveSmallIntegerField()
    worker = models.CharField(max_length=100)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.RUNNING)
    detail = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="job_run_once")]
