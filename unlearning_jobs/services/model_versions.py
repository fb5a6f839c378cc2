"""Model versions: registered, made by jobs, released, quarantined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from compliance.services import SYSTEM, StaleStateError, record_append
from unlearning_jobs.engine.contracts import (
    JobResult,
    JobSpec,
    MethodChoice,
    ModelRef,
    Protocol,
    Recipe,
    SnapshotRef,
    UnlearningStep,
)
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion, RegisteredRecipe
from unlearning_jobs.states import MODEL_TRANSITIONS, ModelState

from .jobs import Claim, job_complete, job_create


@transaction.atomic
def recipe_register(*, recipe: Recipe, actor: str) -> RegisteredRecipe:
    """The row of this recipe; the same recipe is stored once."""
    row, created = RegisteredRecipe.objects.get_or_create(digest=recipe.digest(), defaults={"body": recipe.to_json()})
    if created:
        subject = f"recipe:{row.digest[:16]}"
        record_append(subject=subject, kind="recipe.registered", actor=actor, data={"sha256": row.digest})
    return row


@transaction.atomic
def model_train(*, name: str, recipe: Recipe, snapshot: CorpusSnapshot, seed: int, actor: str) -> Job:
    """Starts the training of a new model as a job; the version becomes active when it completes.

    Raises:
        StaleStateError: a model of this name exists or is being trained.
    """
    busy = Job.objects.filter(model_name=name, kind=Job.Kind.TRAIN, state__in=["queued", "running"]).exists()
    if busy or ModelVersion.objects.filter(name=name).exists():
        raise StaleStateError(_("There is a model “%(name)s” already. Choose another name.") % {"name": name})
    spec = JobSpec(
        kind="train",
        reference=f"model:{name}",
        snapshot=snapshot_ref(snapshot),
        recipe=recipe,
        seed=seed,
        cache=str(model_cache(snapshot)),
    )
    row = recipe_register(recipe=recipe, actor=actor)
    return job_create(spec=spec, subject=f"model:{name}", model_name=name, snapshot=snapshot, recipe=row, actor=actor)


@transaction.atomic
def unlearning_start(
    *,
    base: ModelVersion,
    forget_ids: tuple[str, ...],
    method: MethodChoice,
    protocol: Protocol,
    subject: str,
    item: str,
    attempt: int,
    actor: str,
) -> Job:
    """Starts the unlearning of examples from an active model version as a job.

    Raises:
        StaleStateError: the version is not active any more.
    """
    base = ModelVersion.objects.select_for_update().get(pk=base.pk)
    if base.state != ModelState.ACTIVE:
        raise StaleStateError(_("%(model)s is no longer the active version. Map the request again.") % {"model": base})
    spec = JobSpec(
        kind="unlearn",
        reference=f"{subject}#{item}",
        snapshot=snapshot_ref(base.snapshot),
        recipe=Recipe.from_json(base.recipe.body),
        seed=base.seed,
        cache=str(model_cache(base.snapshot)),
        model=ModelRef(path=str(settings.ARTEFACTS / base.path), digest=base.digest),
        earlier=tuple(UnlearningStep.from_json(step) for step in base.steps),
        forget_ids=forget_ids,
        method=method,
        protocol=protocol,
    )
    return job_create(
        spec=spec,
        subject=subject,
        model_name=base.name,
        base=base,
        snapshot=base.snapshot,
        recipe=base.recipe,
        actor=actor,
        item=item,
        attempt=attempt,
    )


@transaction.atomic
def job_result_accept(*, claim: Claim, result: JobResult, result_sha256: str, output: str) -> Job:
    """Ends a job with its result and makes the model version that it produced, in one transaction.

    Raises:
        StaleStateError: another worker has taken the job over; nothing is written.
    """
    job = Job.objects.select_for_update().get(pk=claim.job_id)
    version = _version_of(job, result, f"{output}/model")
    verdict = result.evaluation.verdict.outcome if result.evaluation else ""
    data = {"result_sha256": result_sha256, "model_sha256": result.model_digest, "verdict": verdict}
    return job_complete(
        claim=claim, output=output, verdict=verdict, data=data, version=version, costs=job_costs(result, run=job.runs)
    )


EVALUATION_STAGES = ("ensemble", "replicates", "oracles", "evaluate")


def job_costs(result: JobResult, *, run: int) -> dict[str, Any]:
    """What a job measured of its own cost, for forecasts: its device, and seconds of unlearning and of evaluation.

    Seconds that understate the cost are None: of a run that went on from where an earlier one ended, and of an unlearning
    whose models came from the cache.
    """
    spent, whole = result.efficiency, run == 1
    return {
        "device": result.environment.get("device", ""),
        "unlearning_seconds": spent.unlearning.wall_seconds if spent and whole and not spent.from_cache else None,
        "evaluation_seconds": sum(result.seconds.get(stage, 0.0) for stage in EVALUATION_STAGES) if whole else None,
    }


def _version_of(job: Job, result: JobResult, path: str) -> ModelVersion:
    last = ModelVersion.objects.filter(name=job.model_name).aggregate(last=Max("number"))["last"] or 0
    training = job.kind == Job.Kind.TRAIN
    steps: list[dict[str, Any]] = list(job.base.steps) if job.base else []
    if not training:
        steps.append({"method": job.spec["method"], "forget_ids": job.spec["forget_ids"]})
    version = ModelVersion.objects.create(
        name=job.model_name,
        number=last + 1,
        state=ModelState.ACTIVE if training else ModelState.CANDIDATE,
        snapshot=job.snapshot,
        recipe=job.recipe,
        seed=job.spec["seed"],
        parent=job.base,
        steps=steps,
        path=path,
        digest=result.model_digest,
        **_training_time(job, result),
    )
    data = {"version": version.number, "model_sha256": version.digest, "snapshot_sha256": job.snapshot.digest, "job": job.pk}
    record_append(subject=version.subject, kind="model.registered", actor=SYSTEM, data=data)
    return version


def _training_time(job: Job, result: JobResult) -> dict[str, Any]:
    """How long one training took and on which device: this job's own, or as measured for the model that it began with."""
    if seconds := float(result.seconds.get("train", 0.0)):
        return {"training_seconds": seconds, "training_device": result.environment.get("device", "")}
    base = job.base
    return {
        "training_seconds": base.training_seconds if base else 0.0,
        "training_device": base.training_device if base else "",
    }


@transaction.atomic
def model_version_release(*, version: ModelVersion, actor: str) -> ModelVersion:
    """Makes a candidate the active version and quarantines the one that it replaces.

    Raises:
        StaleStateError: it is no candidate, its verdict is not `passed`, or its parent is no longer the active version.
    """
    version = ModelVersion.objects.select_for_update(of=("self",)).select_related("made_by").get(pk=version.pk)
    if version.made_by.verdict != "passed" or version.parent_id is None:
        raise StaleStateError(_("Only a model whose evaluation passed can be released."))
    parent = ModelVersion.objects.select_for_update().get(pk=version.parent_id)
    if parent.state != ModelState.ACTIVE:
        raise StaleStateError(
            _("%(model)s has been replaced since this job started. Run it again on the active version.") % {"model": parent}
        )
    model_version_move(version=parent, to=ModelState.QUARANTINED, actor=actor)
    model_version_move(version=version, to=ModelState.ACTIVE, actor=actor)
    return version


def model_cache(snapshot: CorpusSnapshot) -> Path:
    """Folder of the models that jobs on this snapshot train beside the one they are about: replicates and oracles."""
    return Path(settings.ARTEFACTS) / "cache" / snapshot.digest


def model_version_move(*, version: ModelVersion, to: ModelState, actor: str) -> None:
    """Takes a version, locked by the caller, to another state.

    Raises:
        StaleStateError: the move is not allowed.
    """
    if to not in MODEL_TRANSITIONS[ModelState(version.state)]:
        raise StaleStateError(
            _("%(model)s is %(state)s; that cannot be done.") % {"model": version, "state": version.get_state_display()}
        )
    version.state = to
    version.save(update_fields=["state"])
    data = {"version": version.number, "sha256": version.digest}
    record_append(subject=version.subject, kind=f"model.{to.value}", actor=actor, data=data)


def snapshot_ref(snapshot: CorpusSnapshot) -> SnapshotRef:
    return SnapshotRef(path=str(settings.ARTEFACTS / snapshot.path), digest=snapshot.digest)
