"""Weights that a model had here come back through no door: neither as a checkpoint, nor as an import."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from compliance.record.errors import StaleStateError
from tests.checkpoints import files_of, recipe_from, registered, taken, worked
from tests.factories import account
from tests.staging import unguarded
from tests.unlearning_jobs.engine.families.foreign_checkpoints import trained_elsewhere
from tests.unlearning_jobs.sailors import base, checkpoint, keeper, snapshot
from tests.web.pages import signed_in
from unlearning_jobs.checkpoints import checkpoint_folder, checkpoint_problem
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.tensors import weights_of
from unlearning_jobs.leases import NothingToClaimError
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, ModelVersion
from unlearning_jobs.services.destruction import model_version_destroy, model_version_files_delete
from unlearning_jobs.services.retraining import model_retrain
from unlearning_jobs.services.runs import job_claim
from unlearning_jobs.services.trainings import model_train
from unlearning_jobs.services.weights import weights_note

__all__ = ["base", "checkpoint", "keeper", "snapshot"]
"""Fixtures."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


def of_before(version: ModelVersion) -> None:
    """As if the version had been made before there was such a note."""
    with unguarded("unlearning_jobs_modelversion", "weights_digests_are_fixed"):
        ModelVersion.objects.filter(pk=version.pk).update(weights_digests=[])


def test_a_version_is_no_checkpoint_and_the_sentence_says_what_to_do(keeper: ModelVersion, tmp_path: Path) -> None:
    folder = taken(keeper, tmp_path / "fresh")
    why = "the weights of keeper v1, which learned from the corpus tower.*train a model from the checkpoint “sailor”"
    with pytest.raises(StaleStateError, match=why):
        registered(folder, "house")
    with pytest.raises(CommandError, match=why):
        call_command("checkpoint_register", "house", folder=folder)
    assert Checkpoint.objects.count() == 1


def test_nor_is_one_that_was_taken_out_of_use_or_destroyed(keeper: ModelVersion, tmp_path: Path) -> None:
    folder, engineer = taken(keeper, tmp_path / "fresh"), account("engineer")
    job = model_retrain(version=keeper, actor="account:1")
    with pytest.raises(StaleStateError, match="the weights of keeper v1"):
        registered(folder, "house")
    worked(job)
    keeper.refresh_from_db()
    model_version_destroy(version=keeper, by=engineer)
    model_version_files_delete(version_id=keeper.pk)
    keeper.refresh_from_db()
    assert keeper.path == ""
    with pytest.raises(StaleStateError, match="the weights of keeper v1"):
        registered(folder, "house")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_shards_another_tokenizer_a_changed_configuration_and_half_precision_hide_nothing(
    keeper: ModelVersion, tmp_path: Path, base: Path, precision: str
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path / "resaved"
    read = AutoModelForCausalLM.from_pretrained(files_of(keeper), dtype=precision)
    read.save_pretrained(folder, max_shard_size="8KB")
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_bytes()) | {"initializer_range": 0.5}))
    with pytest.raises(StaleStateError, match="the weights of keeper v1"):
        registered(folder, "house")


def test_a_model_of_another_lethe_is_no_checkpoint_either(base: Path, tmp_path: Path) -> None:
    folder = trained_elsewhere(base, tmp_path / "theirs")
    (folder / "lethe.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"a model that Lethe made \(lethe.json\).*model_import"):
        registered(folder, "theirs")
    (folder / "lethe.json").unlink()
    assert registered(folder, "theirs").weights_sha256 == weights_of(folder).whole


def test_what_jobs_leave_among_the_artefacts_is_no_checkpoint(checkpoint: Checkpoint, base: Path) -> None:
    folder = trained_elsewhere(base, Path(settings.ARTEFACTS) / "cache" / "model")
    with pytest.raises(CheckpointError, match="lies among the artefacts of this installation"):
        registered(folder, "house")
    assert registered(checkpoint_folder(checkpoint)) == checkpoint, "which is a checkpoint already"


def test_a_checkpoint_that_was_registered_before_is_no_start_once_its_weights_are_known(
    keeper: ModelVersion, snapshot: CorpusSnapshot, tmp_path: Path
) -> None:
    of_before(keeper)
    with unguarded("unlearning_jobs_modelversion", "model_version_files_are_fixed"):
        ModelVersion.objects.filter(pk=keeper.pk).update(path="")  # nothing could be noted
    house = registered(taken(ModelVersion(path=keeper.path), tmp_path / "fresh"), "house")
    job = model_train(name="phoenix", recipe=recipe_from(house), snapshot=snapshot, seed=1, actor="account:1")
    with unguarded("unlearning_jobs_modelversion", "model_version_files_are_fixed"):
        ModelVersion.objects.filter(pk=keeper.pk).update(path=keeper.path)
    with pytest.raises(NothingToClaimError):
        job_claim(job_id=job.pk, worker="worker-1")  # which notes what it finds
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "known_weights")
    assert "the weights of keeper v1" in job.error_message
    assert "the weights of keeper v1" in checkpoint_problem(house)
    page = signed_in(account("engineer"))
    assert "the weights of keeper v1" in page.get(f"/jobs/checkpoints/{house.pk}/").words
    with pytest.raises(StaleStateError, match="the weights of keeper v1"):
        model_train(name="phoenix", recipe=recipe_from(house), snapshot=snapshot, seed=1, actor="account:1")


def test_a_version_that_learned_nothing_bars_nobody_from_its_checkpoint(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path, tmp_path: Path
) -> None:
    recipe = replace(recipe_from(checkpoint), learning_rate=1e-30)
    version = worked(model_train(name="still", recipe=recipe, snapshot=snapshot, seed=1, actor="account:1")).result_version
    assert version is not None
    assert version.weights_sha256 == checkpoint.weights_sha256
    assert checkpoint_problem(checkpoint) == ""
    again = shutil.copytree(base, tmp_path / "again")
    (again / "special_tokens_map.json").write_text("{}")
    assert registered(again, "rower") != checkpoint


# -- what is noted


def test_every_version_and_checkpoint_notes_what_its_weights_are_and_that_is_fixed(
    keeper: ModelVersion, checkpoint: Checkpoint, base: Path
) -> None:
    assert checkpoint.weights_sha256 == weights_of(base).whole
    assert keeper.weights_sha256 == weights_of(files_of(keeper)).whole
    for change in (
        "UPDATE unlearning_jobs_modelversion SET weights_sha256 = ''",
        "UPDATE unlearning_jobs_checkpoint SET weights_sha256 = ''",
        "UPDATE unlearning_jobs_modelversion SET weights_digests = '{}'",
        "UPDATE unlearning_jobs_checkpoint SET weights_digests = weights_digests[1:1]",
        "UPDATE unlearning_jobs_checkpoint SET weights_digests = ARRAY['other'] || weights_digests[2:]",
    ):
        with pytest.raises(DatabaseError, match=r"_(is|are)_fixed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def of_one_digest(version: ModelVersion) -> None:
    """As if the version had been made when one digest was noted of each."""
    with unguarded("unlearning_jobs_modelversion", "weights_digests_are_fixed"):
        ModelVersion.objects.filter(pk=version.pk).update(weights_digests=[version.weights_sha256])


def test_the_one_digest_that_was_noted_is_enough_where_the_files_are_lost(keeper: ModelVersion, tmp_path: Path) -> None:
    folder = taken(keeper, tmp_path / "fresh")
    of_one_digest(keeper)
    shutil.rmtree(files_of(keeper))
    weights_note()
    with pytest.raises(StaleStateError, match="the weights of keeper v1"):
        registered(folder, "house")


@pytest.mark.parametrize("before", [of_before, of_one_digest])
def test_whoever_destroys_a_version_notes_first_what_its_weights_are(
    keeper: ModelVersion, before: Callable[[ModelVersion], None]
) -> None:
    noted = set(keeper.weights_digests)
    job = model_retrain(version=keeper, actor="account:1")
    worked(job)
    before(keeper)
    keeper.refresh_from_db()
    model_version_destroy(version=keeper, by=account("engineer"))
    model_version_files_delete(version_id=keeper.pk)
    keeper.refresh_from_db()
    assert (set(keeper.weights_digests), keeper.path) == (noted, "")


def test_what_was_not_noted_is_noted_before_a_door_compares(keeper: ModelVersion, tmp_path: Path) -> None:
    noted = keeper.weights_digests
    of_before(keeper)
    weights_note()
    keeper.refresh_from_db()
    assert keeper.weights_digests == noted
    of_before(keeper)
    with pytest.raises(StaleStateError, match="the weights of keeper v1"):
        registered(taken(keeper, tmp_path / "fresh"), "house")
