"""Imports that are refused: weights that are here already, and what a training would refuse as well."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from compliance.record.errors import StaleStateError
from tests.checkpoints import erased_from, files_of, recipe_from, registered, taken, worked
from tests.factories import account
from tests.unlearning_jobs.engine.families.foreign_adapters import write_adapter
from tests.unlearning_jobs.engine.families.foreign_checkpoints import trained_elsewhere
from tests.unlearning_jobs.sailors import base, checkpoint, keeper, snapshot
from tests.web.pages import signed_in
from unlearning_jobs.checkpoints import checkpoint_folder
from unlearning_jobs.engine.errors import CheckpointError, SpecError
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.families.foreign_adapters import describe_adapter
from unlearning_jobs.engine.tensors import weights_of
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.services import checkpoints
from unlearning_jobs.services.imports import model_import
from unlearning_jobs.services.trainings import model_train

__all__ = ["base", "checkpoint", "keeper", "snapshot"]
"""Fixtures."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


def imported(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, artefact: Path, *without: str, name: str = "again", seed: int = 3
) -> Job:
    recipe = recipe_from(checkpoint)
    return model_import(
        name=name, recipe=recipe, snapshot=snapshot, seed=seed, artefact=artefact, without=without, actor="account:1"
    )


def test_a_version_is_not_imported_whatever_it_is_declared_to_have_been_trained_without(
    keeper: ModelVersion, checkpoint: Checkpoint, snapshot: CorpusSnapshot, tmp_path: Path
) -> None:
    folder = taken(keeper, tmp_path / "taken")
    with pytest.raises(StaleStateError, match="the weights of keeper v1, which is or was a model here"):
        imported(checkpoint, snapshot, folder, "e00000002", "e00000003")


def test_nor_is_what_jobs_leave_among_the_artefacts(checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path) -> None:
    folder = trained_elsewhere(base, Path(settings.ARTEFACTS) / "cache" / "model")
    with pytest.raises(CheckpointError, match="lies among the artefacts of this installation"):
        imported(checkpoint, snapshot, folder)


def test_the_same_model_is_not_imported_under_two_names_at_once_or_later(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path, tmp_path: Path
) -> None:
    one, other = (
        trained_elsewhere(base, tmp_path / name, max_shard_size=size) for name, size in (("a", "5GB"), ("b", "8KB"))
    )
    first = imported(checkpoint, snapshot, one, name="first")
    with pytest.raises(StaleStateError, match="being imported already"):
        imported(checkpoint, snapshot, one, name="second")
    second = imported(checkpoint, snapshot, other, name="second")  # other files, so nobody can tell yet
    assert worked(first).state == "completed"
    job = worked(second)
    assert (job.state, job.error_code, job.result_version) == ("failed", "known_weights", None)
    assert "the weights of first v1" in job.error_message
    assert "Take another way" in signed_in(account("engineer")).get(f"/jobs/{job.pk}/").words
    with pytest.raises(StaleStateError, match="the weights of first v1"):
        imported(checkpoint, snapshot, other, name="second")


def test_weights_that_become_a_checkpoint_while_they_are_imported_make_no_model(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path, tmp_path: Path
) -> None:
    folder = trained_elsewhere(base, tmp_path / "elsewhere")
    job = imported(checkpoint, snapshot, folder)
    registered(folder, "house")
    job = worked(job)
    assert (job.state, job.error_code) == ("failed", "known_weights")
    assert "the weights of the checkpoint “house”, from which models start" in job.error_message
    assert not ModelVersion.objects.exists()
    with pytest.raises(StaleStateError, match="the weights of the checkpoint “house”"):
        imported(checkpoint, snapshot, folder)


def test_weights_that_were_imported_while_a_checkpoint_was_checked_are_none(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained_elsewhere(base, tmp_path / "elsewhere")
    copy = checkpoints.checkpoint_copy

    def late(source: Path, to: Path) -> int:
        worked(imported(checkpoint, snapshot, folder))
        return copy(source, to)

    monkeypatch.setattr(checkpoints, "checkpoint_copy", late)
    with pytest.raises(StaleStateError, match="the weights of again v1"):
        registered(folder, "house")
    assert Checkpoint.objects.get() == checkpoint


def test_an_adapter_comes_in_by_the_command_once_and_never_again(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path, tmp_path: Path
) -> None:
    write_adapter(base, tmp_path / "adapter")
    architecture = describe_checkpoint(base, adapter=describe_adapter(tmp_path / "adapter", base))
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(replace(recipe_from(checkpoint), architecture=architecture).to_json()))

    def ordered(folder: Path, name: str = "lora") -> Job:
        call_command("model_import", name, artifact=folder, recipe=recipe, corpus="tower", seed=3, stdout=StringIO())
        return Job.objects.get(model_name=name)

    job = worked(ordered(tmp_path / "adapter"))
    version = job.result_version
    assert version is not None, job.error_message
    assert (version.state, version.assurance) == ("active", "declared")
    assert set(weights_of(tmp_path / "adapter").digests) < set(version.weights_digests)
    site = signed_in(account("engineer"))
    assert "lora v1 was trained elsewhere" in site.get("/jobs/models/").words
    assert site.get(f"/jobs/{job.pk}/").h1 == f"Job {job.pk}: Import"
    # Neither the adapter that it keeps comes back, nor what was merged from it.
    own = shutil.copytree(files_of(version) / "adapter", tmp_path / "own")
    with pytest.raises(CommandError, match="the weights of lora v1"):
        ordered(own, "again")
    with pytest.raises(StaleStateError, match="the weights of lora v1"):
        registered(taken(version, tmp_path / "merged"), "house")
    # What does not fit its recipe is said at once.
    with pytest.raises(CommandError, match=r"it has no adapter_config\.json"):
        ordered(trained_elsewhere(base, tmp_path / "whole"), "whole")
    recipe.write_text(json.dumps(recipe_from(checkpoint).to_json()))
    with pytest.raises(CommandError, match="holds an adapter, and the recipe has none"):
        ordered(tmp_path / "adapter", "plain")
    assert snapshot.model_versions.count() == 1


# -- what it is declared to have been trained without


def test_only_what_was_erased_here_can_be_declared_as_left_out(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path, tmp_path: Path
) -> None:
    folder = trained_elsewhere(base, tmp_path / "elsewhere")
    why = r"2 of the examples named by --without never was.*\(e00000004, e00000005\). Register the corpus that the model was"
    with pytest.raises(SpecError, match=why):
        imported(checkpoint, snapshot, folder, "e00000004", "e00000005")
    erased_from(snapshot, "e00000002")
    with pytest.raises(SpecError, match=r"1 of the examples named by --without never was.*\(e00000004\)"):
        imported(checkpoint, snapshot, folder, "e00000002", "e00000004")
    version = worked(imported(checkpoint, snapshot, folder, "e00000002")).result_version
    assert version is not None
    assert version.left_out == ["e00000002"]
    assert "Declared to have been trained without 1." in signed_in(account("engineer")).get("/jobs/models/").words


# -- what a training would refuse


def spoilt(folder: Path) -> Path:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights[min(weights)][0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_weights_that_are_no_numbers_are_refused_by_both_doors(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, base: Path, tmp_path: Path
) -> None:
    folder = spoilt(trained_elsewhere(base, tmp_path / "elsewhere"))
    with pytest.raises(CheckpointError, match="The weights in elsewhere cannot be used: some of them are NaN or infinite"):
        imported(checkpoint, snapshot, folder)
    with pytest.raises(CheckpointError, match="some of them are NaN or infinite"):
        registered(folder, "house")
    assert not Job.objects.exists()


@pytest.mark.parametrize("seed", [-1, 2**32, 2**70])
def test_no_model_is_trained_or_imported_with_a_seed_that_is_none(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, tmp_path: Path, base: Path, seed: int
) -> None:
    why = f"The seed is {seed}; name one from 0 to 4294967295"
    with pytest.raises(SpecError, match=why):
        model_train(name="keeper", recipe=recipe_from(checkpoint), snapshot=snapshot, seed=seed, actor="account:1")
    with pytest.raises(SpecError, match=why):
        imported(checkpoint, snapshot, trained_elsewhere(base, tmp_path / "elsewhere"), seed=seed)


@pytest.mark.parametrize("name", ["x" * 41, "", "bad name/../x"])
def test_no_model_is_trained_or_imported_under_a_name_that_is_none(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot, tmp_path: Path, name: str
) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(recipe_from(checkpoint).to_json()))
    given = {"recipe": recipe, "corpus": snapshot.corpus.name, "stdout": StringIO()}
    for command, more in (("model_register", {}), ("model_import", {"artifact": checkpoint_folder(checkpoint)})):
        with pytest.raises(CommandError, match=r"valid .slug.|at most 40 characters|cannot be blank"):
            call_command(command, name, **given, **more)
    assert not Job.objects.exists()
