"""Jobs and their runs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from unlearning_jobs.leases import Leased
from unlearning_jobs.ringing import Rung

from .corpora import CorpusSnapshot
from .versions import ModelVersion, RegisteredRecipe


class Job(Leased, Rung):
    """One training, import or unlearning job."""

    class Kind(models.TextChoices):
        TRAIN = "train"
        UNLEARN = "unlearn"
        IMPORT = "import"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.CharField(max_length=80)
    """What the record files this job under: the request that it serves, or the model that it makes. Opaque."""
    item = models.CharField(max_length=40, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    """Number of the approved attempt at the item; 0 for a training or an import."""
    model_name = models.SlugField(max_length=40)
    base = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="jobs")
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="jobs")
    recipe = models.ForeignKey(RegisteredRecipe, on_delete=models.PROTECT, related_name="jobs")
    result_version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, null=True, related_name="made_by")
    spec: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    """engine.contracts.JobSpec, as JSON."""

    cancel_requested = models.BooleanField(default=False)

    stage = models.CharField(max_length=60, blank=True)
    curves: models.JSONField[dict[str, list[list[float]]], dict[str, list[list[float]]]] = models.JSONField(default=dict)
    output = models.CharField(max_length=300, blank=True)
    """Folder of the run that completed, below ARTEFACTS."""
    costs: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    """What the completed job cost, as services.model_versions.job_costs measured it; forecasts learn from it."""
    verdict = models.CharField(max_length=12, blank=True)
    error_message = models.TextField(blank=True)

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
