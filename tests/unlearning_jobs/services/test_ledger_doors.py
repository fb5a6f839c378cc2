"""Every door through which data become a model obeys the ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from tests.checkpoints import registered, taken, worked
from tests.erasing import ADAS, SUBJECT, erased, started, turned_round
from tests.factories import RECIPE
from tests.staging import corpus, job_completed, result_write, rows, trained, unguarded
from unlearning_jobs.engine.contracts import JobResult, JobSpec, LlamaArchitecture
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.job_commands import job_wait
from unlearning_jobs.leases import NothingToClaimError
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.runner import job_execute
from unlearning_jobs.selectors import job_facts, known_erased
from unlearning_jobs.services.destruction import model_version_files_delete
from unlearning_jobs.services.ledger import LedgerMovedError, ledger_digest, snapshot_compare, snapshots_compare
from unlearning_jobs.services.model_versions import job_result_accept, model_version_move, model_version_release
from unlearning_jobs.services.retraining import model_retrain
from unlearning_jobs.services.runs import Claim, job_claim
from unlearning_jobs.services.trainings import model_cache, model_train
from unlearning_jobs.states import MODEL_TRANSITIONS, ModelState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def base() -> ModelVersion:
    return trained(corpus())


def train(snapshot: CorpusSnapshot, name: str = "second") -> Job:
    return model_train(name=name, recipe=RECIPE, snapshot=snapshot, seed=1, actor="account:1")


def ended(job: Job, claim: Claim) -> ModelVersion:
    """The version that a training makes, from a result in the engine's format."""
    folder: Path = settings.ARTEFACTS / f"jobs/{job.pk}/run-1"
    (folder / "model").mkdir(parents=True)
    result = JobResult(
        kind="train",
        reference=job.subject,
        spec_digest=JobSpec.from_json(job.spec).digest(),
        model_digest="5" * 64,
        files={},
        train_examples=18,
        parameters=10,
        curves=(),
        seconds={"train": 1.0},
        environment={"device": "cpu"},
        retain_digest="7" * 64,
    )
    snapshot_compare(snapshot=job.snapshot)  # as the worker does before
    version = job_result_accept(
        claim=claim, result=result, result_sha256="0" * 64, output=f"jobs/{job.pk}/run-1"
    ).result_version
    assert version is not None
    return version


def made(job: Job) -> ModelVersion:
    return ended(job, job_claim(job_id=job.pk, worker="worker-1"))


# -- training


def test_the_next_training_on_the_corpus_leaves_the_erased_examples_out(base: ModelVersion) -> None:
    erased(base)
    recipe = replace(RECIPE, architecture=LlamaArchitecture(32, 1, 2, 64, max_length=2048))
    job = model_train(name="second", recipe=recipe, snapshot=base.snapshot, seed=1, actor="account:1")
    job_execute(job_claim(job_id=job.pk, worker="worker-1"))  # the engine really trains
    job.refresh_from_db()
    version = job.result_version
    assert version is not None, job.error_message
    result = json.loads((settings.ARTEFACTS / job.output / "result.json").read_bytes())
    files = Snapshot.open(settings.ARTEFACTS / base.snapshot.path)
    rest = [f"e{number:08d}" for number in range(20) if f"e{number:08d}" not in ADAS]
    assert (result["train_examples"], result["retain_digest"]) == (18, files.manifest_digest(rest))
    assert (version.state, version.left_out, known_erased(version)) == ("active", list(ADAS), frozenset())


def test_a_version_stores_how_many_examples_it_left_out_and_which_ledger_it_obeyed(base: ModelVersion) -> None:
    erased(base)
    version = made(train(base.snapshot))
    [entry] = entries_of(subject="model:second", kinds=("model.registered",))
    assert (entry.data["left_out"], entry.data["ledger_sha256"]) == (2, ledger_digest())
    assert version.ledger_sha256 == ledger_digest()


def test_a_training_on_another_corpus_with_the_same_content_leaves_it_out(base: ModelVersion) -> None:
    other = turned_round()
    erased(base)
    last = len(rows()) - 1
    assert train(other).spec["exclude_ids"] == [f"e{last - 1:08d}", f"e{last:08d}"]


def test_before_anything_is_erased_nothing_is_left_out(base: ModelVersion) -> None:
    assert train(base.snapshot).spec["exclude_ids"] == []


def test_the_commands_say_what_came_back_with_a_corpus_and_what_a_training_leaves_out(
    base: ModelVersion, tmp_path: Path
) -> None:
    erased(base)
    said = StringIO()
    source, recipe = tmp_path / "again.jsonl", tmp_path / "recipe.json"
    source.write_text("".join(json.dumps(row) + "\n" for row in [*rows(), rows()[4]]))
    recipe.write_text(json.dumps(RECIPE.to_json()))
    call_command("corpus_register", "again", source, stdout=said)
    call_command("model_register", "third", recipe=recipe, corpus="again", stdout=said)
    assert "2 of the training examples have been erased before: trainings leave them out." in said.getvalue()
    assert "It leaves out 2 erased examples." in said.getvalue()


def test_a_model_that_was_trained_from_nothing_is_no_checkpoint_to_train_from(base: ModelVersion, tmp_path: Path) -> None:
    recipe = replace(RECIPE, architecture=LlamaArchitecture(32, 1, 2, 64, max_length=2048))
    version = worked(
        model_train(name="own", recipe=recipe, snapshot=base.snapshot, seed=1, actor="account:1")
    ).result_version
    assert version is not None
    with pytest.raises(StaleStateError, match=r"the weights of own v1.*train a model by the recipe of own v1"):
        registered(taken(version, tmp_path / "fresh"), "house")


# -- jobs that come late


def test_a_training_that_was_queued_before_the_erasure_does_not_start_after_it(base: ModelVersion) -> None:
    job = train(base.snapshot)
    erased(base)
    with pytest.raises(NothingToClaimError, match="failed"):
        job_claim(job_id=job.pk, worker="worker-1")
    job.refresh_from_db()
    assert (job.state, job.error_code, job.runs) == ("failed", "erased_since", 0)
    assert "2 examples that this job would use have been erased" in job.error_message
    assert train(base.snapshot).spec["exclude_ids"] == list(ADAS), "started again, it leaves them out"


def test_a_training_that_ran_while_its_examples_were_erased_makes_no_active_model(base: ModelVersion) -> None:
    job = train(base.snapshot)
    claim = job_claim(job_id=job.pk, worker="worker-1")
    erased(base)
    version = ended(job, claim)
    assert (version.state, sorted(known_erased(version))) == ("candidate", list(ADAS))
    with pytest.raises(StaleStateError, match="evaluation passed"):
        model_version_release(version=version, actor="account:3")


def test_nothing_can_be_erased_between_the_last_look_and_the_new_model(base: ModelVersion, tmp_path: Path) -> None:
    job = train(base.snapshot)
    claim = job_claim(job_id=job.pk, worker="worker-1")
    erased(trained(turned_round(), "other"))  # after the worker has looked, and in another corpus
    result = result_write(tmp_path / "run", JobSpec.from_json(started(trained(corpus("b"), "b")).spec), "passed")
    with pytest.raises(LedgerMovedError):
        job_result_accept(claim=claim, result=result, result_sha256="0" * 64, output="jobs/1/run-1")
    assert not ModelVersion.objects.filter(name="second").exists()


def test_whoever_waits_for_a_late_training_is_told(base: ModelVersion, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(RECIPE.to_json()))
    call_command("model_register", "late", recipe=recipe, corpus="harbour", stdout=StringIO())
    job = Job.objects.latest("id")
    claim = job_claim(job_id=job.pk, worker="worker-1")
    erased(base)
    ended(job, claim)
    with pytest.raises(CommandError, match="ledger_replay --requeue"):
        job_wait(Job.objects.get(pk=job.pk), lambda _line: None, "Trained")


def test_an_unlearning_that_was_queued_before_another_erasure_does_not_start_after_it(base: ModelVersion) -> None:
    other = trained(turned_round(), "other")
    late = started(other, "e00000010", subject="request:LE-3333-3333")
    erased(base)
    with pytest.raises(NothingToClaimError):
        job_claim(job_id=late.pk, worker="worker-1")
    late.refresh_from_db()
    assert late.error_code == "erased_since"


# -- unlearning


def test_an_example_that_was_erased_from_one_model_remains_to_be_erased_from_another(base: ModelVersion) -> None:
    other = trained(turned_round(), "other")
    erased(base)
    snapshots_compare()
    last = len(rows()) - 1
    assert known_erased(other) == {f"e{last:08d}", f"e{last - 1:08d}"}
    version = erased(other, f"e{last:08d}", f"e{last - 1:08d}", subject="request:LE-3333-3333")
    assert known_erased(version) == frozenset()


def test_retain_sets_and_oracles_of_other_requests_do_without_it(base: ModelVersion) -> None:
    other = trained(turned_round(), "other")
    erased(base)
    snapshots_compare()
    last = len(rows()) - 1
    job = started(other, "e00000010", subject="request:LE-3333-3333")
    assert job.spec["erased_ids"] == [f"e{last - 1:08d}", f"e{last:08d}"]


def test_only_a_method_that_trains_without_it_makes_a_version_that_does_not_know_it(base: ModelVersion) -> None:
    erased(base)
    changed = erased(trained(turned_round(), "changed"), "e00000010", subject="request:LE-3333-3333")
    assert len(known_erased(changed)) == 2, "npo changed the model with two erased examples in it"
    again = erased(changed, "e00000011", subject="request:LE-3333-4444", method="retrain")
    assert (len(again.left_out), known_erased(again)) == (2, frozenset())


def test_a_model_that_was_trained_without_it_passes_that_on(base: ModelVersion) -> None:
    erased(base)
    version = made(train(base.snapshot))
    job = started(version, "e00000010", subject="request:LE-3333-3333")
    assert (job.spec["exclude_ids"], job_facts(version, ["e00000005"]).retain) == (list(ADAS), 17)
    assert "erased_ids" not in job.spec


# -- versions that know it


def test_no_version_becomes_active_that_knows_what_the_one_in_use_does_not(base: ModelVersion) -> None:
    erased(base)
    version = made(train(base.snapshot))
    candidate = job_completed(started(version, "e00000010", subject="request:LE-3333-3333")).result_version
    assert candidate is not None
    with unguarded("unlearning_jobs_modelversion", "model_version_is_fixed"):
        ModelVersion.objects.filter(pk=candidate.pk).update(left_out=[])  # as if it came from an older state
    with pytest.raises(StaleStateError, match="knows 2 erased examples that the version in use does not know"):
        model_version_release(version=candidate, actor="account:3")


def test_nothing_takes_an_older_version_back_into_use(base: ModelVersion) -> None:
    erased(base)
    base.refresh_from_db()
    assert base.state == ModelState.QUARANTINED
    with pytest.raises(StaleStateError):
        model_version_move(version=base, to=ModelState.ACTIVE, actor="account:1")
    assert [state for state, to in MODEL_TRANSITIONS.items() if ModelState.ACTIVE in to] == [ModelState.CANDIDATE]


def test_a_model_that_knows_it_is_taken_out_of_use_and_trained_again_without_it(base: ModelVersion) -> None:
    other = trained(turned_round(), "other")
    erased(base)
    job = model_retrain(version=other, actor="account:1")
    other.refresh_from_db()
    assert (other.state, job.model_name, len(job.spec["exclude_ids"])) == ("quarantined", "other", 2)
    version = made(job)
    assert (version.number, version.state, known_erased(version)) == (2, "active", frozenset())


def test_a_model_is_not_trained_again_twice_or_without_reason(base: ModelVersion) -> None:
    other = trained(turned_round(), "other")
    with pytest.raises(StaleStateError, match="knows nothing that was erased"):
        model_retrain(version=other, actor="account:1")
    erased(base)
    model_retrain(version=other, actor="account:1")
    with pytest.raises(StaleStateError, match="being trained"):
        model_retrain(version=other, actor="account:1")


def test_with_a_version_that_was_trained_on_it_goes_its_copy_in_the_cache(base: ModelVersion) -> None:
    job = train(base.snapshot)
    claim = job_claim(job_id=job.pk, worker="worker-1")
    erased(base)
    version = ended(job, claim)
    copy = model_cache(version.snapshot) / "0123" / "model.safetensors"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"weights")
    ModelVersion.objects.filter(pk=version.pk).update(state=ModelState.DESTROYING)
    model_version_files_delete(version_id=version.pk)
    assert not copy.exists()


def test_the_result_of_an_unlearning_says_which_ledger_it_was_compared_with(base: ModelVersion, tmp_path: Path) -> None:
    job = started(base, subject=SUBJECT)
    claim = job_claim(job_id=job.pk, worker="worker-1")
    result = result_write(tmp_path / "run", JobSpec.from_json(job.spec), "passed")
    version = job_result_accept(claim=claim, result=result, result_sha256="0" * 64, output="jobs/1/run-1").result_version
    assert version is not None
    assert version.ledger_sha256 == ledger_digest()
