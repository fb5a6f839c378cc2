"""Corpora, recipes, model versions and jobs. They hold example ids and digests; no person is known here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .leases import Leased
from .ringing import Rung
from .states import ModelState


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
    compared_with = models.PositiveBigIntegerField(default=0)
    """Id of the newest entry of the erasure ledger that its examples have been compared with."""
    contents_key = models.CharField(max_length=16, blank=True)
    """Id of the ledger's key under which `TrainingContent` has its training examples; empty while it has none."""
    stamp: models.JSONField[dict[str, list[int]], dict[str, list[int]]] = models.JSONField(default=dict)
    """What the file system said of its files when they were last checked against the digest (`stamps.stamp_of`)."""
    checked_at = models.DateTimeField(null=True)
    """When every byte was last checked."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.corpus.name} {self.digest[:12]}"

    @property
    def erased_ids(self) -> frozenset[str]:
        """Training examples that the erasure ledger names, as far as the snapshot has been compared with it."""
        return frozenset(place.example_id for place in self.erased_examples.all() if place.in_training)


class TrainingContent(models.Model):
    """What a training example contains, as a digest: so copies of it are known of while the files cannot be read."""

    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="training_contents", db_index=False)
    content = models.CharField(max_length=64)
    """HMAC-SHA-256 under the snapshot's `contents_key` (`contents.content_digest`)."""
    example_id = models.CharField(max_length=40)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["snapshot", "content"], name="training_content")]


class ContentsKey(models.Model):
    """The key under which contents are noted, in its only row: the oldest of the ledger as the first was noted.

    Under another one, nothing could be compared with what was noted before.
    """

    key_id = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_key_of_contents")
        ]


class CorpusIndex(Leased, Rung):
    """An index of a snapshot: the row that a worker takes under a lease, and on which it reports. Searches do without it."""

    class Kind(models.TextChoices):
        """What it is asked for."""

        TEXTS = "texts", _("Passages, names and identifiers")
        MEANING = "meaning", _("Meaning")
        IMAGES = "images", _("Copies of images")

    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="indexes")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    digest = models.CharField(max_length=64, blank=True)
    """SHA-256 of the file in which a finished index describes itself."""
    stamp: models.JSONField[dict[str, list[int]], dict[str, list[int]]] = models.JSONField(default=dict)
    """As that of a snapshot."""

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "kind"], name="corpus_index_once"),
            models.CheckConstraint(
                name="corpus_index_running_has_lease", condition=~Q(state="running") | Q(lease_until__isnull=False)
            ),
            models.CheckConstraint(name="corpus_index_runs_bounded", condition=Q(runs__lte=F("max_runs"))),
            models.CheckConstraint(name="corpus_index_built_has_digest", condition=~Q(state="completed") | ~Q(digest="")),
        ]

    @property
    def path(self) -> str:
        """Below ARTEFACTS, beside its snapshot."""
        return f"{self.snapshot.path}.{self.kind}"


class ErasureEntry(models.Model):
    """One erased example in the erasure ledger. It is in force from the moment it exists, and nothing takes it back.

    It belongs to the content, not to a model or a corpus. It names nobody: without the ledger's key, nobody can tell what
    was digested.
    """

    key_id = models.CharField(max_length=16)
    """Which of LEDGER_KEYS made the digest."""
    digest = models.CharField(max_length=64)
    """HMAC-SHA-256 of the example's content (`engine.corpora.erasure_content`)."""
    subject = models.CharField(max_length=80)
    """With `item` and `attempt`: the release that carried the erasure out, and its entry in the record. Opaque."""
    item = models.CharField(max_length=40)
    """Empty, with attempt 0: the request ended, and no model in use knew the example; none is to learn it."""
    attempt = models.PositiveIntegerField()
    snapshot_sha256 = models.CharField(max_length=64)
    """With `example_id`: where it was erased first. The snapshot may be unknown to a database that was restored."""
    example_id = models.CharField(max_length=40)
    entered_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["subject", "item", "snapshot_sha256", "example_id"], name="erasure_entry_once")
        ]


class ErasedExample(models.Model):
    """A place where erased content lies in a snapshot, found by comparing the snapshot with the ledger."""

    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="erased_examples")
    example_id = models.CharField(max_length=40)
    entry = models.ForeignKey(ErasureEntry, on_delete=models.PROTECT, related_name="places")
    in_training = models.BooleanField()
    """Whether models would be trained on it; trainings leave it out then. Other sets only measure."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "example_id", "entry"], name="erased_example_once")]


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
    left_out: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    """Ids of the training examples that it was never trained on, because they had been erased before."""
    ledger_sha256 = models.CharField(max_length=64, blank=True)
    """The state of the erasure ledger that it was compared with when it was registered; empty before there was one."""
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


class Job(Leased, Rung):
    """One training or unlearning job."""

    class Kind(models.TextChoices):
        TRAIN = "train"
        UNLEARN = "unlearn"

    kind = models.CharField(max_length=10, choices=Kind.choices)
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
