"""Starts unlearning, registers the model versions that jobs make, and releases them. New models: `trainings.py`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import HELD_OUT_ACCURACY
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append, record_number_next
from unlearning_jobs.checkpoints import base_of, require_startable
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.contracts import (
    Assurance,
    JobResult,
    JobSpec,
    MethodChoice,
    ModelRef,
    Protocol,
    Recipe,
    UnlearningStep,
)
from unlearning_jobs.engine.tensors import Weights
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.selectors import draw_of_job, erased_since, is_intact, known_erased
from unlearning_jobs.states import MODEL_TRANSITIONS, ModelState

from .jobs import job_create
from .ledger import ledger_digest, ledger_enter, ledger_lock, require_compared, require_no_copies
from .runs import Claim, job_complete
from .trainings import model_cache, snapshot_ref
from .weights import require_new_model

FROM: Final = ("snapshot", "recipe__checkpoint")
"""What a version was made from."""
EVALUATION_STAGES = ("process", "ensemble", "replicates", "oracles", "evaluate")


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
    """Start the unlearning of examples from an active model version as a job.

    Raises:
        StaleStateError: the version is no longer active, or the checkpoint that it started from is gone or has changed.
    """
    # 1. Lock the version, so that no release replaces it before the job exists.
    base = ModelVersion.objects.select_for_update(no_key=True, of=("self",)).select_related(*FROM).get(pk=base.pk)
    if base.state != ModelState.ACTIVE:
        message = _("%(model)s is no longer the active version. Choose the method again, for the version that is.")
        raise StaleStateError(message % {"model": base})
    require_startable(base.checkpoint)
    # 2. Fix everything that the engine will know.
    spec = JobSpec(
        kind="unlearn",
        reference=f"{subject}#{item}",
        snapshot=snapshot_ref(base.snapshot),
        recipe=Recipe.from_json(base.recipe.body),
        seed=base.seed,
        cache=str(model_cache(base.snapshot)),
        model=ModelRef(path=str(settings.ARTEFACTS / base.path), digest=base.digest),
        earlier=tuple(UnlearningStep.from_json(step) for step in base.steps),
        exclude_ids=tuple(base.left_out),
        forget_ids=forget_ids,
        erased_ids=tuple(sorted(known_erased(base) - set(forget_ids))),
        method=method,
        protocol=protocol,
        base=base_of(base.checkpoint),
        assurance=cast("Assurance", base.assurance),
    )
    # 3. Queue it.
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
def job_result_accept(
    *, claim: Claim, result: JobResult, result_sha256: str, output: str, weights: Weights | None = None
) -> Job:
    """End a job with its result and register the model version that it made, in one transaction.

    A new model is active at once, unless what it was trained on has been erased meanwhile: then it stays a candidate that
    nobody can release. What its weights are is noted with it, or later (`weights_note`).

    Raises:
        ClaimLostError: the job is no longer this worker's; nothing is written.
        KnownWeightsError: an imported model has the weights of a version or a checkpoint; nothing is written.
        LedgerMovedError: a new model's corpus must be compared with the ledger first; nothing is written.
    """
    # The version comes first because the job's row names it. `job_complete` checks the claim, and a lost one undoes both.
    job = Job.objects.select_for_update(no_key=True).get(pk=claim.job_id)
    if job.kind != Job.Kind.UNLEARN:  # it may become active: nothing may be erased between the last look and the commit
        ledger_lock()
        require_compared(job.snapshot)
    weights = weights or Weights()
    if job.kind == Job.Kind.IMPORT:  # the same weights may have come in by another door since it was ordered
        require_new_model(weights)
    version = _version_of(job, result, f"{output}/model", weights)
    verdict = result.evaluation.verdict.outcome if result.evaluation else ""
    data = {"result_sha256": result_sha256, "model_sha256": result.model_digest, "verdict": verdict}
    return job_complete(
        claim=claim, output=output, verdict=verdict, data=data, version=version, costs=job_costs(result, run=claim.run)
    )


def job_costs(result: JobResult, *, run: int) -> dict[str, Any]:
    """Return what forecasts learn from a job: device, seconds, the look that ended it, precision and accuracies.

    Seconds that understate the cost are None: those of a run that continued an earlier one, and those of an unlearning
    whose models came from the cache.
    """
    efficiency, evaluation, is_first = result.efficiency, result.evaluation, run == 1
    has_cost = efficiency and is_first and not efficiency.from_cache
    return {
        "device": result.environment.get("device", ""),
        "unlearning_seconds": efficiency.unlearning.wall_seconds if efficiency and has_cost else None,
        "evaluation_seconds": sum(result.seconds.get(stage, 0.0) for stage in EVALUATION_STAGES) if is_first else None,
        "look": evaluation.look if evaluation else 1,
        "precision": evaluation.precision.to_json() if evaluation and evaluation.precision else None,
        "accuracies": {
            name.removeprefix(HELD_OUT_ACCURACY).removeprefix("_"): share
            for name, share in result.training_metrics.items()
            if name.startswith(HELD_OUT_ACCURACY)
        },
    }


def _version_of(job: Job, result: JobResult, path: str, weights: Weights) -> ModelVersion:
    last = ModelVersion.objects.filter(name=job.model_name).aggregate(last=Max("number"))["last"] or 0
    is_new, spec = job.kind != Job.Kind.UNLEARN, JobSpec.from_json(job.spec)
    steps: list[dict[str, Any]] = list(job.base.steps) if job.base else []
    if not is_new:
        steps.append({"method": job.spec["method"], "forget_ids": job.spec["forget_ids"]})
    version = ModelVersion.objects.create(
        name=job.model_name,
        number=last + 1,
        state=ModelState.ACTIVE if is_new and not erased_since(job) else ModelState.CANDIDATE,
        snapshot=job.snapshot,
        recipe=job.recipe,
        seed=job.spec["seed"],
        parent=job.base,
        assurance=_assurance(spec),
        steps=steps,
        left_out=_left_out(spec),
        ledger_sha256=ledger_digest(),
        path=path,
        digest=result.model_digest,
        weights_sha256=weights.whole,
        weights_digests=list(weights.digests),
        **_training_time(job, result),
    )
    data = {
        "version": version.number,
        "model_sha256": version.digest,
        "snapshot_sha256": job.snapshot.digest,
        "job": job.pk,
        "left_out": len(version.left_out),
        "ledger_sha256": version.ledger_sha256,
        "assurance": version.assurance,
        "checkpoint_sha256": version.checkpoint.digest if version.checkpoint else "",
        "commitment_sha256": draw.commitment if (draw := draw_of_job(job)) else "",
    }
    record_append(subject=version.subject, kind=RecordKind.MODEL_REGISTERED, actor=SYSTEM, data=data)
    return version


def _left_out(spec: JobSpec) -> list[str]:
    """Return what the model has never been trained on. An exact method leaves out what was erased elsewhere as well."""
    return [*spec.exclude_ids, *(spec.erased_ids if _is_exact(spec) else ())]


def _assurance(spec: JobSpec) -> str:
    """Return how it is known what made the model: an exact method trains it again, here."""
    return ModelVersion.Assurance.REPRODUCED.value if _is_exact(spec) else spec.assurance


def _is_exact(spec: JobSpec) -> bool:
    return spec.method is not None and METHODS[spec.method.name].guarantee == "exact"


def _training_time(job: Job, result: JobResult) -> dict[str, Any]:
    """Return how long one training takes and on which device: as this job measured it, or else as its base model did."""
    if seconds := float(result.seconds.get("train", 0.0)):
        return {"training_seconds": seconds, "training_device": result.environment.get("device", "")}
    base = job.base
    return {
        "training_seconds": base.training_seconds if base else 0.0,
        "training_device": base.training_device if base else "",
    }


@transaction.atomic
def model_version_release(*, version: ModelVersion, actor: str, under_way: Collection[str] = ()) -> ModelVersion:
    """Make a candidate the active version, quarantine the one that it replaces, and enter what was erased in the ledger.

    Args:
        version: the candidate.
        actor: who releases it.
        under_way: examples that are to be erased from this model by other items: the candidate may still know them.

    Raises:
        StaleStateError: it is not a candidate, its verdict is not `passed`, its parent is no longer active, its files are
            not those that were judged, it would bring back what was erased, or it still knows a copy of what it has erased.
        LedgerError: what it erased cannot be entered in the ledger, or compared with the corpus.
    """
    version = (
        ModelVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("made_by", "snapshot")
        .get(pk=version.pk)
    )
    if version.made_by.verdict != "passed" or version.parent_id is None:
        raise StaleStateError(_("Only a model whose evaluation passed can be released."))
    parent = ModelVersion.objects.select_for_update(no_key=True).get(pk=version.parent_id)
    if parent.state != ModelState.ACTIVE:
        raise StaleStateError(
            _("%(model)s has been replaced since this job started. Run it again on the active version.") % {"model": parent}
        )
    if not is_intact(version):
        message = _("The files of %(model)s are gone, or are not those that its job left. Ask an engineer to restore them.")
        raise StaleStateError(message % {"model": version})
    if back := known_erased(version) - known_erased(parent):
        message = _(
            "%(model)s knows %(count)d erased examples that the version in use does not know. It cannot be released."
        )
        raise StaleStateError(message % {"model": version, "count": len(back)})
    ledger_lock()  # before the record's numbers, as everywhere
    # The old version goes first: the database allows one active version per model.
    model_version_move(version=parent, to=ModelState.QUARANTINED, actor=actor)
    model_version_move(version=version, to=ModelState.ACTIVE, actor=actor)
    ledger_enter(version=version, actor=actor)
    record_number_next(version.made_by.subject)  # before the snapshot, also where nothing was entered
    require_no_copies(version, under_way)
    return version


def model_version_move(*, version: ModelVersion, to: ModelState, actor: str) -> None:
    """Take a version, locked by the caller, to another state, and record it.

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
    record_append(subject=version.subject, kind=RecordKind(f"model.{to.value}"), actor=actor, data=data)
