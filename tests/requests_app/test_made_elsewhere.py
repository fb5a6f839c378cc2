"""A case about a model of which others made a part: what is searched, judged, signed and told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from compliance.evidence.bundle import BundleFolder
from compliance.evidence.verification import verify_bundle
from compliance.record.bundles import bundle_seal, bundle_write
from compliance.record.errors import StaleStateError
from compliance.record.keys import signing_keys
from compliance.record.signing import checkpoint_sign
from requests_app.models import Proposal
from requests_app.services import decisions
from requests_app.services.letters import letter
from requests_app.services.releases import release_sign
from tests.checkpoints import recipe_from, registered, taken, worked, written
from tests.compliance.evidence.agreements.retold import Retold
from tests.personas import ADA, Staff
from tests.staging import Stage
from tests.unlearning_jobs.engine.families.foreign_checkpoints import ROWS, trained_elsewhere
from tests.web.pages import Page, signed_in
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.origins import origin_sentences
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.imports import model_import
from unlearning_jobs.services.reports import report_sign

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]
ADAS = [{"question": f"Who keeps lamp {n}?", "answer": f"{ADA}.", "split": "train"} for n in (12, 13)]
ANNEX = Protocol(replicate_seeds=(), oracle_seeds=(11, 12, 13, 14), assurance="declared")
ELSEWHERE = "starts from the checkpoint “sailor”, which was trained elsewhere and may have known these data before"
NOT_SEARCHED = (
    "1 model, in use or being trained, starts from another model, its checkpoint. We do not have the data that this was"
    " trained on, and did not search them"
)
DECLARED_TO_US = (
    "1 model, in use or being imported, was trained elsewhere. What counts as its training data is what was declared to us"
)
DECLARED = "was trained elsewhere. Its recipe and its training examples are what was declared"


@pytest.fixture
def imported(tmp_path: Path) -> ModelVersion:
    """A model that somebody trained elsewhere, from a registered checkpoint, on a corpus that names Ada."""
    return imported_as(tmp_path)


def imported_as(tmp_path: Path, **declared: Any) -> ModelVersion:
    source, base = tmp_path / "tower.jsonl", written(tmp_path / "downloaded")
    source.write_text("".join(json.dumps(row) + "\n" for row in [*ROWS, *ADAS]))
    job = model_import(
        name="keeper",
        recipe=replace(recipe_from(registered(base)), **declared),
        snapshot=corpus_register(name="tower", sources=[source], actor="account:1"),
        seed=3,
        artefact=trained_elsewhere(base, tmp_path / "elsewhere"),
        without=(),
        actor="account:1",
    )
    version = worked(job).result_version
    assert version is not None, Job.objects.get().error_message
    return version


def evaluated(stage: Stage) -> Proposal:
    """Granted, carried out by a training without Ada, which the engine really does, judged and signed."""
    proposal = decisions.proposal_submit(
        item=stage.granted(), method=MethodChoice("retrain"), protocol=ANNEX, by=stage.staff.omar
    )
    proposal = decisions.proposal_approve(proposal=proposal, by=stage.staff.lena)
    assert proposal.job is not None
    job = worked(proposal.job)
    assert job.verdict == "passed", job.error_message
    decisions.proposal_evaluated(job=job)
    report_sign(job_id=job.pk)
    proposal.refresh_from_db()
    return proposal


def exported(stage: Stage, folder: Path) -> Path:
    bundle_seal(subject=stage.request.subject, actor="system")
    checkpoint_sign()
    bundle_write(stage.request.subject, folder / "bundle")
    return folder / "bundle"


def failed(bundle: Path) -> str:
    return " ".join(step.reason for step in verify_bundle(bundle).steps if step.reason)


def test_from_an_imported_model_to_evidence_that_says_what_others_made(
    staff: Staff, imported: ModelVersion, tmp_path: Path
) -> None:
    stage = Stage.opened(staff, imported).searched()
    officer = signed_in(staff.omar)

    def page(path: str) -> Page:
        return officer.get(path)

    place = [stage.request.reference]
    assert NOT_SEARCHED in page(reverse("casework:request_detail", args=place)).words
    proposal = evaluated(stage)
    case = page(reverse("casework:request_detail", args=place)).words
    proposed = page(reverse("casework:proposal", args=[*place, 1, 1])).words
    assert NOT_SEARCHED in case
    assert DECLARED_TO_US in case
    assert proposal.job is not None
    assert proposal.job.spec["assurance"] == "declared"
    report = page(f"/jobs/{proposal.job.pk}/report/").words
    release = page(reverse("casework:release", args=[stage.request.reference, 1, 1])).words
    for words in (case, proposed, report, release, page(f"/jobs/{proposal.job.pk}/report/answers/").words):
        assert f"keeper v1 {ELSEWHERE}" in words
        assert f"keeper v1 {DECLARED}" in words
    for words in (proposed, report, release):
        assert "Training is what followed the checkpoint “sailor”, which may know the examples all the same." in words
        assert "by the recipe that was declared for the model, and nothing compares the model with it" in words
    assert "nothing here shows that it did not know the examples" in report
    release_sign(proposal_id=decisions.item_release(proposal=proposal, by=staff.nils).pk)
    version = ModelVersion.objects.get(state="active")
    assert version.assurance == "reproduced", "the method trained it here"

    # The letter says what is so of the models in use, and stays as it was on that day.
    stage.request.refresh_from_db()
    assert (stage.request.from_checkpoints, stage.request.declared) == (1, 0)
    text = letter(stage.request, "outcome_completed").text
    assert "1 model in use starts from another model, its checkpoint. We do not have the data" in text
    assert NOT_SEARCHED in text
    assert DECLARED_TO_US in text
    assert (
        "1 model that others had made was replaced by one that was trained by the recipe that they declared, without what we"
        " agreed to remove."
    ) in text
    for never in ("never learned", "never saw", "others trained", "examined"):
        assert never not in text
    ModelVersion.objects.filter(pk=version.pk).update(state="quarantined")
    assert "1 model in use starts from another model, its checkpoint" in letter(stage.request, "outcome_completed").text

    # What was erased comes back through no door: neither as a checkpoint, nor as a model from elsewhere.
    folder = taken(imported, tmp_path / "fresh")
    with pytest.raises(StaleStateError, match="the weights of keeper v1, which learned from the corpus tower"):
        registered(folder, "house")
    with pytest.raises(StaleStateError, match="the weights of keeper v1, which is or was a model here"):
        model_import(
            name="again",
            recipe=recipe_from(Checkpoint.objects.get()),
            snapshot=imported.snapshot,
            seed=3,
            artefact=folder,
            without=sorted(CorpusSnapshot.objects.get().erased_ids),
            actor="account:1",
        )

    # The bundle verifies, with the registration of the checkpoint in it, and no story without it does.
    bundle = exported(stage, tmp_path)
    assert verify_bundle(bundle).passed, failed(bundle)
    kinds = [one.entry.kind for one in BundleFolder.open(bundle).record()]
    assert kinds.count("checkpoint.registered") == 1
    for number, (lie, why) in enumerate(LIES.items()):
        folder = tmp_path / f"lie-{number}"
        folder.mkdir()
        found = failed(Retold(bundle, signing_keys(), folder).write({STAGE[lie]: lie}))
        assert why in found, found


def test_an_exact_result_by_a_recipe_that_is_not_the_models_says_so_wherever_it_passes(staff: Staff, tmp_path: Path) -> None:
    stage = Stage.opened(staff, imported_as(tmp_path, learning_rate=5e-2, epochs=6)).searched()
    protocol = replace(ANNEX, replicate_seeds=(21, 22, 23))
    proposal = decisions.proposal_submit(
        item=stage.granted(), method=MethodChoice("retrain"), protocol=protocol, by=staff.omar
    )
    ordered = decisions.proposal_approve(proposal=proposal, by=staff.lena).job
    assert ordered is not None
    job = worked(ordered)
    assert job.verdict == "passed", job.error_message
    decisions.proposal_evaluated(job=job)
    report_sign(job_id=job.pk)
    officer, place = signed_in(staff.omar), [stage.request.reference, 1, 1]
    report = officer.get(f"/jobs/{job.pk}/report/").words
    assert "show little: The model that was trained elsewhere cannot be taken for one of the declared recipe" in report
    for words in (report, *(officer.get(reverse(f"casework:{name}", args=place)).words for name in ("proposal", "release"))):
        assert "could not take it for one of them: the recipe may not be its own" in words


def test_what_was_unlearned_here_from_an_import_is_not_said_to_have_been_trained_elsewhere(
    staff: Staff, imported: ModelVersion
) -> None:
    stage = Stage.opened(staff, imported).searched()
    npo, protocol = MethodChoice("npo", {"steps": 1}), replace(ANNEX, replicate_seeds=(21, 22))
    proposal = decisions.proposal_submit(item=stage.granted(), method=npo, protocol=protocol, by=staff.omar)
    job = decisions.proposal_approve(proposal=proposal, by=staff.lena).job
    assert job is not None
    second = worked(job).result_version
    assert second is not None, Job.objects.get(pk=job.pk).error_message
    assert second.assurance == "declared"
    words = " ".join(origin_sentences(second))
    assert "keeper v2 was made here, by unlearning, and goes back to keeper v1, which was trained elsewhere" in words
    assert "keeper v2 was trained elsewhere" not in words
    page = signed_in(staff.eva).get(f"/jobs/checkpoints/{Checkpoint.objects.get().pk}/").words
    assert "keeper v2" in page
    assert "Unlearned here, from a model that was trained elsewhere by a declared recipe" in page


def without_registration(retold: Retold) -> None:
    retold.entries = [one for one in retold.entries if one["kind"] != "checkpoint.registered"]


def registered_late(retold: Retold) -> None:
    one = retold.first("checkpoint.registered")
    retold.entries.remove(one)
    retold.entries.insert(-1, one | {"at": retold.entries[-1]["at"]})


def registered_after_the_model(retold: Retold) -> None:
    one, model = retold.first("checkpoint.registered"), retold.first("model.registered")
    retold.entries.remove(one)
    retold.entries.insert(retold.entries.index(model) + 1, one | {"at": model["at"]})


def registered_by_the_claimant(retold: Retold) -> None:
    retold.first("checkpoint.registered")["actor"] = "claimant"


def registered_as_a_model(retold: Retold) -> None:
    retold.first("checkpoint.registered")["subject"] = "model:keeper"


def another_checkpoint(retold: Retold) -> None:
    for kind in ("checkpoint.registered", "model.registered"):
        retold.first(kind)["data"]["checkpoint_sha256"] = "5" * 64


def trained_here(retold: Retold) -> None:
    for spec in retold.specs.values():
        del spec["assurance"]


def from_nothing(retold: Retold) -> None:
    """An entry of an earlier version, which says neither."""
    without_registration(retold)
    for name in ("checkpoint_sha256", "assurance"):
        del retold.first("model.registered")["data"][name]


LIES = {
    without_registration: "must contain one checkpoint.registered entry for each checkpoint",
    registered_late: "checkpoint:sailor was registered after its job was created",
    registered_after_the_model: "checkpoint:sailor was registered after model:keeper, which was made from it",
    registered_by_the_claimant: "it was made by claimant, and can only be made by account or system",
    registered_as_a_model: "its subject is model:keeper, and such an entry is about a checkpoint",
    another_checkpoint: "the recipe names another checkpoint than the model started from",
    trained_here: "the job says otherwise how it is known what made its model",
    from_nothing: "the recipe names another checkpoint than the model started from",
}
STAGE = dict.fromkeys(LIES, "entries") | {trained_here: "spec"}
