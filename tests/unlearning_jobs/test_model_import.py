"""Models that were trained elsewhere: what is declared, what is refused, and that the erasure ledger is obeyed."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from requests_app.services.accepted import learners
from tests.checkpoints import erased_from, recipe_from, tower, worked
from tests.factories import PROTOCOL, RECIPE, account
from tests.unlearning_jobs.engine.families.foreign_checkpoints import trained_elsewhere
from tests.unlearning_jobs.sailors import base, checkpoint, snapshot
from tests.web.pages import signed_in
from unlearning_jobs.engine.artefacts import checkpoint_digest, model_about
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.selectors import known_erased
from unlearning_jobs.services.imports import imports_clear, model_import
from unlearning_jobs.services.jobs import job_cancel
from unlearning_jobs.services.model_versions import unlearning_start
from unlearning_jobs.services.retraining import model_retrain

__all__ = ["base", "checkpoint", "snapshot"]
"""Fixtures."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def artefact(base: Path, tmp_path: Path) -> Path:
    return trained_elsewhere(base, tmp_path / "elsewhere", max_shard_size="8KB")


@pytest.fixture
def recipe(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe_from(checkpoint).to_json()))
    return path


def ordered(checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path, *without: str) -> Job:
    return model_import(
        name="keeper",
        recipe=recipe_from(checkpoint),
        snapshot=snapshot,
        seed=3,
        artefact=artefact,
        without=without,
        actor="account:1",
    )


def waiting() -> list[str]:
    return sorted(path.name for path in (settings.ARTEFACTS / "imports").iterdir() if path.name != ".lock")


def test_a_model_is_imported_by_the_command_and_nothing_says_that_it_was_trained_here(
    recipe: Path, snapshot: CorpusSnapshot, artefact: Path
) -> None:
    said = StringIO()
    call_command("model_import", "keeper", artifact=artefact, recipe=recipe, corpus="tower", seed=3, stdout=said)
    assert said.getvalue() == f"Job 1 will import keeper, which was trained elsewhere on {snapshot}.\n".replace(
        "Job 1", f"Job {Job.objects.get().pk}"
    )
    job = worked(Job.objects.get())
    version = job.result_version
    assert version is not None, job.error_message
    assert (version.state, version.assurance, version.seed, version.training_seconds) == ("active", "declared", 3, 0)
    assert model_about(settings.ARTEFACTS / version.path)["artefact"] == checkpoint_digest(artefact)
    [entry] = entries_of(subject="model:keeper", kinds=("model.registered",))
    assert entry.data["assurance"] == "declared"
    site = signed_in(account("engineer"))
    models, page = site.get("/jobs/models/"), site.get(f"/jobs/{job.pk}/")
    assert "keeper v1 was trained elsewhere. Its recipe and its training examples are what was declared" in models.words
    assert page.h1 == f"Job {job.pk}: Import"
    for words in (models.words, page.words):
        assert "Training" not in words
        assert "training," not in words


def test_the_copy_that_waits_for_a_worker_goes_when_the_job_has_ended(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path
) -> None:
    job = ordered(checkpoint, snapshot, artefact)
    imports_clear()
    assert waiting() == [checkpoint_digest(artefact)]
    assert [learner.name for learner in learners()] == ["keeper"], "it is about to know what its corpus holds"
    job_cancel(job_id=job.pk, actor="account:1")
    imports_clear()
    assert waiting() == []


def test_what_cannot_be_imported_is_refused_before_anything_is_copied(recipe: Path, artefact: Path, tmp_path: Path) -> None:
    tower(tmp_path)

    def refused(match: str, **changes: object) -> None:
        given = {"artifact": artefact, "recipe": recipe, "corpus": "tower", "stdout": StringIO()} | changes
        with pytest.raises(CommandError, match=match):
            call_command("model_import", "keeper", **given)

    refused("A model is imported with a recipe: name the one that it was trained by", recipe=None)
    plain, ids = tmp_path / "plain.json", tmp_path / "ids.txt"
    plain.write_text(json.dumps(RECIPE.to_json()))
    refused("A causal_lm cannot be imported", recipe=plain)
    ids.write_text("e00000000\ne00000000\n")
    refused("named twice", without=ids)
    ids.write_text("e00000013")
    refused("no training example of the corpus", without=ids)
    refused("There is no corpus 'harbour'. Registered: tower", corpus="harbour")
    (artefact / "model.safetensors.index.json").unlink()
    for shard in artefact.glob("*.safetensors"):
        shard.rename(shard.with_suffix(".bin"))
    refused("its weights are pickled")
    assert not (settings.ARTEFACTS / "imports").exists()
    assert not Job.objects.exists()


def test_a_name_is_taken_while_a_model_is_imported_and_afterwards(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path
) -> None:
    job = ordered(checkpoint, snapshot, artefact)
    for _ in range(2):
        with pytest.raises(StaleStateError, match="There is a model “keeper” already"):
            ordered(checkpoint, snapshot, artefact)
        job = worked(job) if not job.is_final else job


def test_a_model_that_contradicts_its_recipe_fails_the_job_once_and_for_all(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path
) -> None:
    config = artefact / "config.json"
    config.write_text(json.dumps(json.loads(config.read_bytes()) | {"rms_norm_eps": 0.1}))
    job = worked(ordered(checkpoint, snapshot, artefact))
    assert (job.state, job.error_code, job.runs) == ("failed", "bad_artefact", 1)
    assert "its configuration differs from its checkpoint's (rms_norm_eps)" in job.error_message
    page = signed_in(account("engineer")).get(f"/jobs/{job.pk}/")
    assert "Import the model again, with a recipe that it fits." in page.words
    assert not ModelVersion.objects.exists()


# -- the erasure ledger


def test_a_model_that_knows_what_was_erased_is_not_taken_over_unless_it_was_trained_without(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path
) -> None:
    erased_from(snapshot, "e00000002", "e00000003")
    with pytest.raises(StaleStateError, match=r"2 training examples .* \(e00000002, e00000003\), and keeper knows them"):
        ordered(checkpoint, snapshot, artefact)
    with pytest.raises(StaleStateError, match=r"1 training example .* \(e00000003\)"):
        ordered(checkpoint, snapshot, artefact, "e00000002")
    version = worked(ordered(checkpoint, snapshot, artefact, "e00000002", "e00000003")).result_version
    assert version is not None
    assert (version.state, version.left_out) == ("active", ["e00000002", "e00000003"])
    assert known_erased(version) == frozenset()


def test_what_is_erased_while_a_model_is_imported_keeps_it_out_of_use(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ordered(checkpoint, snapshot, artefact)
    accept = worked.__globals__["_accept"]

    def late(*arguments: object) -> None:
        erased_from(snapshot, "e00000002")
        accept(*arguments)

    monkeypatch.setitem(worked.__globals__, "_accept", late)
    version = worked(job).result_version
    assert version is not None
    assert (version.state, sorted(known_erased(version))) == ("candidate", ["e00000002"])
    again = model_retrain(version=version, actor="account:1")
    monkeypatch.undo()
    trained = worked(again).result_version
    assert trained is not None
    assert (trained.state, trained.assurance, trained.left_out) == ("active", "reproduced", ["e00000002"])


# -- what is unlearned from it


def test_what_is_unlearned_from_a_declared_model_says_so_to_the_engine(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path
) -> None:
    version = worked(ordered(checkpoint, snapshot, artefact)).result_version
    assert version is not None
    job = unlearning_start(
        base=version,
        forget_ids=("e00000000",),
        method=MethodChoice("npo"),
        protocol=PROTOCOL,
        subject="request:LE-2222-2222",
        item="item-1",
        attempt=1,
        actor="account:1",
    )
    assert job.spec["assurance"] == "declared"


def test_the_database_refuses_to_change_how_it_is_known_what_made_a_version(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path
) -> None:
    worked(ordered(checkpoint, snapshot, artefact))
    for change in (
        "UPDATE unlearning_jobs_modelversion SET assurance = 'reproduced'",
        "UPDATE unlearning_jobs_registeredrecipe SET checkpoint_id = NULL",
    ):
        with pytest.raises(DatabaseError, match="_is_fixed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
