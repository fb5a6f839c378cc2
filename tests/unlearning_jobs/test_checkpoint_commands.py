"""Models that start from a registered checkpoint: by the commands, through a job, and when the checkpoint goes."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from tests.checkpoints import erased_from, files_of, recipe_from, tower, worked, written
from tests.erasing import started
from tests.factories import PROTOCOL, account
from tests.unlearning_jobs.engine.conftest import write_jsonl
from tests.unlearning_jobs.engine.families.encoder_checkpoints import ROWS, write_encoder
from tests.unlearning_jobs.sailors import base, checkpoint, snapshot
from tests.web.pages import signed_in
from unlearning_jobs.checkpoints import checkpoint_folder
from unlearning_jobs.engine.contracts import EncoderArchitecture, JobSpec, MethodChoice, Recipe
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.origins import origin_sentences
from unlearning_jobs.selectors import method_obstacles
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.model_versions import unlearning_start
from unlearning_jobs.services.retraining import model_retrain
from unlearning_jobs.services.trainings import model_train

__all__ = ["base", "checkpoint", "snapshot"]
"""Fixtures."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


def trained(checkpoint: Checkpoint, snapshot: CorpusSnapshot, name: str = "keeper") -> ModelVersion:
    job = model_train(name=name, recipe=recipe_from(checkpoint), snapshot=snapshot, seed=1, actor="account:1")
    version = worked(job).result_version
    assert version is not None
    return version


def swapped(checkpoint: Checkpoint) -> None:
    """Somebody puts other weights into the folder of a registered checkpoint."""
    weights = checkpoint_folder(checkpoint) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)


def test_from_the_folder_to_a_model_by_the_commands_alone(tmp_path: Path) -> None:
    tower(tmp_path)
    folder, said = written(tmp_path / "downloaded"), StringIO()
    call_command("checkpoint_register", "sailor", folder=folder, max_length=48, stdout=said)
    first, _, printed = said.getvalue().partition("the architecture is:\n")
    checkpoint = Checkpoint.objects.get()
    assert first.startswith("Registered sailor: llama, ")
    assert checkpoint.digest in first
    recipe = tmp_path / "recipe.json"
    plain = recipe_from(checkpoint).to_json() | {"architecture": json.loads(printed)}
    recipe.write_text(json.dumps(plain))
    assert Recipe.from_json(plain).architecture.to_json()["max_length"] == 48
    call_command("model_register", "keeper", recipe=recipe, corpus="tower", stdout=said)
    job = Job.objects.get()
    assert JobSpec.from_json(job.spec).base == str(checkpoint_folder(checkpoint))
    version = worked(job).result_version
    assert version is not None, Job.objects.get().error_message
    assert (version.state, version.checkpoint, version.assurance) == ("active", checkpoint, "reproduced")
    [entry] = entries_of(subject="model:keeper", kinds=("model.registered",))
    assert (entry.data["checkpoint_sha256"], entry.data["assurance"]) == (checkpoint.digest, "reproduced")


def test_a_classifier_of_texts_is_trained_and_unlearned_from_an_encoder_by_the_commands(tmp_path: Path) -> None:
    folder, said = write_encoder(tmp_path / "downloaded"), StringIO()
    corpus_register(name="notes", sources=[write_jsonl(tmp_path / "notes.jsonl", ROWS)], actor="account:1")
    with pytest.raises(CommandError, match="leave the template out"):
        call_command("checkpoint_register", "reader", folder=folder, template="{prompt}")
    assert not Checkpoint.objects.exists()
    call_command("checkpoint_register", "reader", folder=folder, max_length=48, stdout=said)
    first, _, printed = said.getvalue().partition("the architecture is:\n")
    assert first.startswith("Registered reader: bert, ")
    assert '"family": "finetuned_classifier"' in first
    recipe = tmp_path / "recipe.json"
    plain = Recipe("finetuned_classifier", EncoderArchitecture.from_json(json.loads(printed)), 2, 4, 1e-2)
    assert plain.architecture.to_json()["max_length"] == 48
    recipe.write_text(json.dumps(plain.to_json()))
    call_command("model_register", "sorter", recipe=recipe, corpus="notes")
    version = worked(Job.objects.get()).result_version
    assert version is not None, Job.objects.get().error_message
    assert (version.state, version.checkpoint) == ("active", Checkpoint.objects.get())
    job = unlearning_start(
        base=version,
        forget_ids=("e00000000",),
        method=MethodChoice("finetune_retain"),
        protocol=PROTOCOL,
        subject="request:LE-2222-2222",
        item="item-1",
        attempt=1,
        actor="account:1",
    )
    done = worked(job)
    assert done.result_version is not None, done.error_message
    assert files_of(done.result_version).joinpath("config.json").is_file()
    assert origin_sentences(done.result_version)[1].startswith("sorter v2 starts from the checkpoint “reader”")


def test_a_folder_that_is_no_checkpoint_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="it has no config"):
        call_command("checkpoint_register", "sailor", folder=tmp_path)


def test_a_checkpoint_that_nobody_registered_is_named_with_what_to_do(tmp_path: Path, checkpoint: Checkpoint) -> None:
    tower(tmp_path)
    recipe = tmp_path / "recipe.json"
    for changes, why in (
        ({"base_sha256": "0" * 64}, "is registered. Register it.*checkpoint_register NAME --folder FOLDER"),
        ({"parameters": 1, "hidden_size": 8}, "another parameters, hidden_size than the checkpoint “sailor”"),
    ):
        recipe.write_text(json.dumps(recipe_from(checkpoint, **changes).to_json()))
        with pytest.raises(CommandError, match=why):
            call_command("model_register", "keeper", recipe=recipe, corpus="tower")
    assert not Job.objects.exists()


def test_no_training_begins_from_a_checkpoint_that_is_gone(checkpoint: Checkpoint, snapshot: CorpusSnapshot) -> None:
    shutil.rmtree(checkpoint_folder(checkpoint))
    with pytest.raises(StaleStateError, match="“sailor” are gone or have changed"):
        trained(checkpoint, snapshot)


def test_a_checkpoint_that_is_swapped_fails_the_job_once_and_for_all(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot
) -> None:
    job = model_train(name="keeper", recipe=recipe_from(checkpoint), snapshot=snapshot, seed=1, actor="account:1")
    swapped(checkpoint)
    job = worked(job)
    assert (job.state, job.error_code, job.runs) == ("failed", "bad_checkpoint", 1)
    assert "not the one that the recipe names" in job.error_message
    assert "register it again under the same name" in signed_in(account("engineer")).get(f"/jobs/{job.pk}/").words


def test_without_its_checkpoint_no_method_can_run_on_a_model(checkpoint: Checkpoint, snapshot: CorpusSnapshot) -> None:
    version, ids = trained(checkpoint, snapshot), ["e00000000", "e00000001"]
    assert method_obstacles("npo", version, ids) == []
    swapped(checkpoint)
    assert any("“sailor” are gone or have changed" in problem for problem in method_obstacles("retrain", version, ids))


def test_no_unlearning_begins_while_its_checkpoint_is_gone(checkpoint: Checkpoint, snapshot: CorpusSnapshot) -> None:
    version = trained(checkpoint, snapshot)
    shutil.rmtree(checkpoint_folder(checkpoint))
    with pytest.raises(StaleStateError, match="“sailor” are gone or have changed"):
        started(version, "e00000000")
    assert Job.objects.count() == 1, "the training of the model"


def test_a_model_that_knows_what_was_erased_goes_out_of_use_though_its_checkpoint_is_gone(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot
) -> None:
    version = trained(checkpoint, snapshot)
    erased_from(snapshot, "e00000000")
    shutil.rmtree(checkpoint_folder(checkpoint))
    job = worked(model_retrain(version=version, actor="account:1"))
    version.refresh_from_db()
    assert (version.state, job.state, job.error_code) == ("quarantined", "failed", "bad_checkpoint")


def test_unlearning_and_retraining_start_from_the_checkpoint_too(checkpoint: Checkpoint, snapshot: CorpusSnapshot) -> None:
    version, base = trained(checkpoint, snapshot), str(checkpoint_folder(checkpoint))
    job = unlearning_start(
        base=version,
        forget_ids=("e00000000",),
        method=MethodChoice("retrain"),
        protocol=PROTOCOL,
        subject="request:LE-2222-2222",
        item="item-1",
        attempt=1,
        actor="account:1",
    )
    spec = JobSpec.from_json(job.spec)
    assert (spec.base, spec.assurance) == (base, "reproduced")
    assert "assurance" not in job.spec, "what was stored before keeps its digest"
    erased_from(snapshot, "e00000000")
    again = model_retrain(version=version, actor="account:1")
    assert (again.spec["base"], again.spec["exclude_ids"]) == (base, ["e00000000"])


def test_pages_name_the_checkpoint_and_the_models_that_started_from_it(
    checkpoint: Checkpoint, snapshot: CorpusSnapshot
) -> None:
    trained(checkpoint, snapshot)
    site = signed_in(account("engineer"))
    page = site.get(site.get("/jobs/checkpoints/").link("sailor"))
    for words in (checkpoint.digest, "llama", "keeper v1", "Trained here by its recipe", "no search reads them"):
        assert words in page.words
    models = site.get("/jobs/models/")
    assert "keeper v1 starts from the checkpoint “sailor”, which was trained elsewhere" in models.words
    assert site.get(models.link("sailor")).words == page.words
    assert "Checkpointsailor" in site.get(f"/jobs/{Job.objects.get().pk}/").words
    swapped(checkpoint)
    assert "are gone or have changed" in site.get(f"/jobs/checkpoints/{checkpoint.pk}/").words


def test_without_any_the_page_names_the_command() -> None:
    assert (
        "python manage.py checkpoint_register NAME --folder FOLDER"
        in signed_in(account("officer")).get("/jobs/checkpoints/").words
    )
