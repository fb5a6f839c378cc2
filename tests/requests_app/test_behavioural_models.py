"""A case about a model of which nobody declared how it was trained: imported, unlearned, measured, told, never released."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from compliance.evidence.verification import verify_bundle
from compliance.formats.contracts import parse, plain
from compliance.formats.twins import TwinFinding, twin_verdict
from compliance.record.errors import StaleStateError
from compliance.record.keys import signing_keys
from compliance.record.selectors import entries_of
from requests_app.casework.proposal_form import ProposalForm
from requests_app.services import decisions
from requests_app.services.dispositions import models_told
from requests_app.services.replay import ledger_replay
from tests.checkpoints import erased_from, recipe_from, registered, worked, written
from tests.compliance.evidence.agreements.retold import Retold
from tests.personas import ADA, Staff
from tests.staging import Stage
from tests.unlearning_jobs.engine.families.foreign_checkpoints import ROWS, trained_elsewhere
from tests.web.pages import signed_in
from unlearning_jobs.engine.advisor import Advice
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.origins import origin_sentences
from unlearning_jobs.selectors import snapshot_files
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.imports import model_import
from unlearning_jobs.services.reports import report_sign
from unlearning_jobs.services.retraining import model_retrain

from .test_made_elsewhere import exported, failed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]
ADAS = [{"question": f"Who keeps lamp {n}?", "answer": f"{ADA}.", "split": "train"} for n in (12, 13, 14)]
OTHERS = [{"question": f"Who keeps lamp {n}?", "answer": f"Bo Tell {n}.", "split": "held_out"} for n in range(20, 30)]
BEHAVIOURAL = Protocol((), (), estimands=(), attacks=("prefix",), assurance="behavioural")
NPO = MethodChoice("npo", {"steps": 1})
NOBODY = "was trained elsewhere, and nobody declared how"


@pytest.fixture
def corpus(tmp_path: Path, artefacts: Path) -> CorpusSnapshot:  # noqa: ARG001  # it lies among them
    return corpus_of(tmp_path, [*ROWS, *ADAS, *OTHERS])


def corpus_of(folder: Path, rows: list[dict[str, Any]]) -> CorpusSnapshot:
    source = folder / "tower.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return corpus_register(name="tower", sources=[source], actor="account:1")


def imported(folder: Path, corpus: CorpusSnapshot, made: Callable[..., Path]) -> ModelVersion:
    base = written(folder / "downloaded")
    job = model_import(
        name="keeper",
        recipe=recipe_from(registered(base)),
        snapshot=corpus,
        seed=3,
        artefact=made(base, folder / "elsewhere"),
        without=(),
        actor="account:1",
        behavioural=True,
    )
    version = worked(job).result_version
    assert version is not None, Job.objects.get().error_message
    return version


@pytest.fixture
def keeper(tmp_path: Path, corpus: CorpusSnapshot) -> ModelVersion:
    """A model that knows Ada's lamps by heart, by a recipe that nobody here is told."""

    def learned(base: Path, folder: Path) -> Path:
        recipe = replace(recipe_from(Checkpoint.objects.get()), epochs=40, learning_rate=2e-2)
        data = TrainingData.prepare(recipe, snapshot_files(corpus), str(base))
        model = train(data, (), 5, device=torch.device("cpu"), on_step=lambda *_: None)
        cast("Any", model.network).save_pretrained(folder)
        cast("Any", data.family).tokenizer.save_pretrained(folder)
        return folder

    return imported(tmp_path, corpus, learned)


def test_from_an_import_without_a_recipe_to_evidence_that_says_what_is_not_known(
    staff: Staff, keeper: ModelVersion, tmp_path: Path
) -> None:
    stage = Stage.opened(staff, keeper).searched()
    officer, place = signed_in(staff.omar), [stage.request.reference, 1, 1]
    item = stage.granted()

    # 1. Before a method is chosen, the pages say that nothing will pass, and exact methods are not offered.
    choosing = officer.get(reverse("casework:proposal_new", args=place[:2])).words
    assert f"keeper v1 {NOBODY}" in choosing
    assert "The verdict will be inconclusive, whatever is found" in choosing
    assert "there is no recipe to train it again by" in choosing
    assert "Replicates of the original" not in choosing
    with pytest.raises(SpecError, match="there is no recipe to train it again by"):
        decisions.proposal_submit(item=item, method=MethodChoice("retrain"), protocol=BEHAVIOURAL, by=staff.omar)
    reproduced = replace(BEHAVIOURAL, assurance="reproduced")
    with pytest.raises(SpecError, match="The protocol is for a model that came about otherwise"):
        decisions.proposal_submit(item=item, method=NPO, protocol=reproduced, by=staff.omar)

    # 2. The engine really does it; nothing is trained to compare with.
    proposal = decisions.proposal_submit(item=item, method=NPO, protocol=BEHAVIOURAL, by=staff.omar)
    job = decisions.proposal_approve(proposal=proposal, by=staff.lena).job
    assert job is not None
    assert job.spec["assurance"] == "behavioural"
    job = worked(job)
    assert job.verdict == "inconclusive", job.error_message
    decisions.proposal_evaluated(job=job)
    report_sign(job_id=job.pk)

    # 3. The report says what was found, and no page says more.
    report = officer.get(f"/jobs/{job.pk}/report/").words
    assert "Something is left over: the model still knows the examples better than ones it never saw." in report
    assert "no conclusion about retraining is possible, whatever was measured" in report
    assert "Without a recipe there are no oracles" in report
    assert "are no finite numbers" not in report
    answers = officer.get(f"/jobs/{job.pk}/report/answers/").words
    assert "There is no oracle, because nobody declared how the original was trained." in answers
    pages = [
        officer.get(reverse("casework:proposal", args=place)),
        officer.get(reverse("casework:request_detail", args=place[:1])),
    ]
    for words in (report, answers, *(page.words for page in pages)):
        assert f"keeper v1 {NOBODY}" in words
        assert "starts from the checkpoint" not in words

    # 4. It cannot be released, and what came out is no better known than what went in.
    proposal.refresh_from_db()
    with pytest.raises(StaleStateError):
        decisions.item_release(proposal=proposal, by=staff.nils)
    second = job.result_version
    assert second is not None
    assert (second.state, second.assurance) == ("candidate", "behavioural")
    assert "keeper v2 was made here, by unlearning, and goes back to keeper v1" in " ".join(origin_sentences(second))
    assert models_told(stage.request)["declared"] == 1

    # 5. The bundle verifies, and no story in which the model is better known does.
    bundle = exported(stage, tmp_path)
    assert verify_bundle(bundle).passed, failed(bundle)
    for number, (lie, why) in enumerate(LIES.items()):
        assert why in retold(bundle, tmp_path / f"lie-{number}", {STAGE[lie]: lie})
    said = retold(bundle, tmp_path / "lie", {"result": nothing_found_throughout, "report": reported})
    assert "the raw outputs compare with held-out examples otherwise" in said


def retold(bundle: Path, folder: Path, lies: dict[str, Callable[[Retold], None]]) -> str:
    folder.mkdir()
    return failed(Retold(bundle, signing_keys(), folder).write(lies))


def registered_as_declared(retold: Retold) -> None:
    retold.first("model.registered")["data"]["assurance"] = "declared"


def specified_as_declared(retold: Retold) -> None:
    for spec in retold.specs.values():
        spec["assurance"] = "declared"


def nothing_found(retold: Retold) -> None:
    for result in retold.results.values():
        result["evaluation"]["twins"].update(p_value=0.5, above=0.5)


def nothing_found_throughout(retold: Retold) -> None:
    """The finding, its outcome and the verdict fit each other; only the raw outputs say otherwise."""
    nothing_found(retold)
    for result in retold.results.values():
        result["evaluation"]["twins"]["outcome"] = "nothing_found"
        finding = parse(TwinFinding, result["evaluation"]["twins"])
        result["evaluation"]["verdict"] = plain(twin_verdict(finding, BEHAVIOURAL.alpha))


def reported(retold: Retold) -> None:
    for attempt, report in retold.reports.items():
        report["verdict"] = retold.results[attempt]["evaluation"]["verdict"]


LIES: dict[Callable[[Retold], None], str] = {
    registered_as_declared: "the job says otherwise how it is known what made its model",
    specified_as_declared: "the job says otherwise how it is known what made its model",
    nothing_found: "the verdict does not follow from the findings",
}
STAGE: dict[Callable[[Retold], None], str] = dict(zip(LIES, ("entries", "spec", "result"), strict=True))


def test_the_form_has_no_numbers_of_models_and_its_protocol_has_none_either(corpus: CorpusSnapshot, tmp_path: Path) -> None:
    keeper = imported(tmp_path, corpus, trained_elsewhere)
    advice = Advice("npo", "empirical", (), forecast=None, in_time=None, reason="cheapest")
    form = ProposalForm({"method": "npo", "alpha": "0.05", "replicates": "4"}, methods=[advice], base=keeper)
    assert "replicates" not in form.fields
    settings = {f"npo-{field.name.removeprefix('npo-')}": field.initial for field in form.settings_of("npo")}
    form = ProposalForm({"method": "npo", "alpha": "0.05", **settings}, methods=[advice], base=keeper)
    assert form.is_valid(), form.errors
    assert form.protocol() == replace(BEHAVIOURAL, attacks=())


# -- the import


@pytest.mark.usefixtures("corpus")
def test_the_command_says_what_nobody_knows_and_so_does_every_page(tmp_path: Path) -> None:
    base = written(tmp_path / "downloaded")
    recipe, artefact = tmp_path / "recipe.json", trained_elsewhere(base, tmp_path / "elsewhere")
    recipe.write_text(json.dumps(recipe_from(registered(base)).to_json()))
    said = StringIO()
    given: dict[str, Any] = {"artifact": artefact, "corpus": "tower", "stdout": said}
    with pytest.raises(CommandError, match="If nobody knows that, name with --recipe what methods need"):
        call_command("model_import", "keeper", behavioural=True, **given)
    call_command("model_import", "keeper", recipe=recipe, behavioural=True, **given)
    assert "what is unlearned from it can never pass, and so cannot be released" in said.getvalue()
    version = worked(Job.objects.get()).result_version
    assert version is not None
    assert (version.state, version.assurance) == ("active", "behavioural")
    [entry] = entries_of(subject="model:keeper", kinds=("model.registered",))
    assert entry.data["assurance"] == "behavioural"
    with pytest.raises(DatabaseError, match="_is_fixed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE unlearning_jobs_modelversion SET assurance = 'declared'")


def test_a_corpus_without_held_out_examples_is_refused_before_anything_is_copied(staff: Staff, tmp_path: Path) -> None:
    rows = [row for row in [*ROWS, *ADAS] if row["split"] == "train"]
    with pytest.raises(SpecError, match="Register it with examples in the set held_out"):
        imported(tmp_path, corpus_of(tmp_path, rows), trained_elsewhere)
    assert not Job.objects.exists()
    assert staff.omar


def test_too_few_held_out_examples_are_refused_with_the_proposal(staff: Staff, tmp_path: Path) -> None:
    version = imported(tmp_path, corpus_of(tmp_path, [*ROWS, *ADAS]), trained_elsewhere)
    item = Stage.opened(staff, version).searched().granted()
    with pytest.raises(SpecError, match="6 of them beside 3 to forget could show nothing"):
        decisions.proposal_submit(item=item, method=NPO, protocol=BEHAVIOURAL, by=staff.omar)


def test_an_original_that_never_learned_says_nothing(staff: Staff, corpus: CorpusSnapshot, tmp_path: Path) -> None:
    stage = Stage.opened(staff, imported(tmp_path, corpus, trained_elsewhere)).searched()
    protocol = replace(BEHAVIOURAL, metrics=(), attacks=())
    proposal = decisions.proposal_submit(item=stage.granted(), method=NPO, protocol=protocol, by=staff.omar)
    job = decisions.proposal_approve(proposal=proposal, by=staff.lena).job
    assert job is not None
    job = worked(job)
    assert job.verdict == "inconclusive", job.error_message
    assert "This says nothing: the model before unlearning" in signed_in(staff.omar).get(f"/jobs/{job.pk}/report/").words


# -- what was erased comes back


def test_a_model_that_nobody_can_train_again_goes_out_of_use_when_it_knows_what_was_erased(
    corpus: CorpusSnapshot, tmp_path: Path
) -> None:
    version = imported(tmp_path, corpus, trained_elsewhere)
    erased_from(corpus, "e00000002")
    with pytest.raises(StaleStateError, match="Nobody declared how keeper v1 was trained, so it cannot be trained again"):
        model_retrain(version=version, actor="account:1")
    version.refresh_from_db()
    assert version.state == "active"
    said = StringIO()
    with pytest.raises(CommandError, match="Erased examples came back"):
        call_command("ledger_replay", requeue=True, stdout=said)
    version.refresh_from_db()
    assert version.state == "quarantined"
    assert "It is out of use now." in said.getvalue()
    assert "so it cannot be trained again" in said.getvalue()
    again = ledger_replay(corpus="", requeue=True, actor="account:1")
    assert (again.jobs, again.withdrawn) == ({}, [])
    assert Job.objects.count() == 1
