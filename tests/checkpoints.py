"""Checkpoints that somebody else made, registered, and models that are trained from them without a process of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from tests.unlearning_jobs.engine.families.foreign_checkpoints import ROWS, write_checkpoint
from unlearning_jobs.engine.contracts import CheckpointArchitecture, JobSpec, Recipe
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.families.bases import describe_base
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.ledger_keys import newest_key
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, ErasedExample, ErasureEntry, Job, ModelVersion
from unlearning_jobs.runner import _accept
from unlearning_jobs.services.checkpoints import checkpoint_register
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.runs import job_claim, job_fail


def written(folder: Path, **how: Any) -> Path:
    """A folder as transformers writes it, and as people have it: with more in it than a model is made from."""
    write_checkpoint(folder, **how)
    (folder / "README.md").write_text("A small checkpoint.")
    return folder


def registered(folder: Path, name: str = "sailor") -> Checkpoint:
    return checkpoint_register(name=name, folder=folder, describe=describe_base, actor="account:1")


def tower(folder: Path) -> CorpusSnapshot:
    """The corpus that the checkpoint is fine-tuned on."""
    source = folder / "tower.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return corpus_register(name="tower", sources=[source], actor="account:1")


def erased_from(snapshot: CorpusSnapshot, *ids: str) -> None:
    """The erasure ledger names training examples of a snapshot."""
    for example_id in ids:
        entry = ErasureEntry.objects.create(
            key_id=newest_key().id,
            digest=example_id.rjust(64, "0"),
            subject="request:LE-2222-2222",
            item="item-1",
            attempt=1,
            snapshot_sha256=snapshot.digest,
            example_id=example_id,
            entered_at=timezone.now(),
        )
        ErasedExample.objects.create(snapshot=snapshot, example_id=example_id, entry=entry, in_training=True)


def recipe_from(checkpoint: Checkpoint, **changes: Any) -> Recipe:
    """A recipe by which one epoch is trained from a checkpoint; `changes` are of the architecture."""
    architecture = CheckpointArchitecture.from_json(checkpoint.about | changes)
    return Recipe("finetuned_lm", architecture, epochs=2, batch_size=4, learning_rate=5e-3)


def worked(job: Job) -> Job:
    """The job after a worker has run it: here, since a process of its own takes seconds to load the libraries."""
    claim = job_claim(job_id=job.pk, worker="worker-1")
    output = f"jobs/{job.pk}/run-{claim.run}"
    folder: Path = settings.ARTEFACTS / output
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps(job.spec))
    try:
        run(JobSpec.from_json(job.spec), folder, lambda _: None)
    except EngineError as error:
        job_fail(claim=claim, code=error.code, message=str(error))
    else:
        _accept(claim, folder, output)
    return Job.objects.get(pk=job.pk)


def files_of(version: ModelVersion) -> Path:
    return Path(settings.ARTEFACTS) / version.path


def taken(version: ModelVersion, folder: Path) -> Path:
    """A copy of a version as transformers would have saved it: in shards, and with nothing of ours in it."""
    shutil.copytree(files_of(version), folder)
    (folder / "lethe.json").unlink()
    return folder
