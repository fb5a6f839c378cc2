"""Canaries come in like people: officers are not told which examples they are, and the evidence tells the draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from compliance.evidence.bundle import BundleFolder
from compliance.evidence.verification import verify_bundle
from compliance.formats.canaries import commitment_of, trained_half
from compliance.record.bundles import bundle_seal, bundle_write
from compliance.record.keys import signing_keys
from compliance.record.signing import checkpoint_sign
from requests_app.services import decisions
from requests_app.services.endings import closing_propose, ending_approve
from requests_app.services.intake import TargetDetails
from requests_app.services.messages import message_send
from requests_app.services.releases import release_sign
from tests.canaries import SECRET, name_of, train, with_canaries
from tests.checkpoints import worked
from tests.compliance.evidence.agreements.retold import Retold
from tests.personas import Staff
from tests.requests_app.services.test_dispositions import accept_all, told_at_the_end
from tests.staging import Stage
from tests.web.pages import signed_in
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.models import CanaryDraw, Job, ModelVersion
from unlearning_jobs.services.canaries import opened
from unlearning_jobs.services.reports import report_sign

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]
ANNEX = Protocol(replicate_seeds=(), oracle_seeds=(11, 12, 13, 14))
MARKS = ("lethe-canary", "canary:")


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    """A model that the engine really trained by a draw."""
    with monkeypatch.context() as patch:
        patch.setattr("secrets.token_hex", lambda _bytes: SECRET)
        job = worked(train(with_canaries()))
    assert job.result_version is not None, job.error_message
    return job.result_version


def asked(staff: Staff, model: ModelVersion, example_id: str, key: str) -> Stage:
    """A request about one canary, which the search has found."""
    target = TargetDetails(name=name_of(model.snapshot, example_id))
    return Stage.opened(staff, model, key, target).searched()


def unlearned(stage: Stage) -> None:
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
    release_sign(proposal_id=decisions.item_release(proposal=proposal, by=stage.staff.nils).pk)


def exported(stage: Stage, folder: Path) -> Path:
    bundle_seal(subject=stage.request.subject, actor="system")
    checkpoint_sign()
    bundle_write(stage.request.subject, folder)
    return folder


def failed(bundle: Path) -> str:
    return " ".join(step.reason for step in verify_bundle(bundle).steps if step.reason)


def kinds(bundle: Path) -> list[str]:
    return [one.entry.kind for one in BundleFolder.open(bundle).record()]


def test_from_a_draw_to_evidence_that_tells_it(staff: Staff, keeper: ModelVersion, tmp_path: Path) -> None:
    [draw] = CanaryDraw.objects.all()
    known, never = opened(draw).trained[0], opened(draw).left_out[0]

    # 1. Both halves are found like anybody's, and no page says what they are.
    officer, stage, other = signed_in(staff.omar), asked(staff, keeper, known, "k1"), asked(staff, keeper, never, "k2")
    for case in (stage, other):
        assert [match.example_id for match in case.request.matches.all()] == [known if case is stage else never]
        page = officer.get(reverse("casework:request_detail", args=[case.request.reference]))
        matches = officer.get(reverse("casework:matches", args=[case.request.reference]))
        assert name_of(keeper.snapshot, case.request.matches.get().example_id) in matches.words
        for mark in MARKS:
            assert mark not in page.words
            assert mark not in matches.words
    sealed = officer.get(reverse("jobs:canary_list"))
    assert "keeper, draw 1" in sealed.words
    assert "Sealed keeper v1 was trained by it." in sealed.words
    assert not any(one in sealed.words for one in (*draw.ids, draw.secret))

    # 2. What a model never learned is not called erased; from now on nothing learns it.
    accept_all(other)
    ending = closing_propose(request=other.request, outcome="not_learned", reasons="", by=staff.omar)
    ending_approve(ending=ending, by=staff.lena)
    assert told_at_the_end(other) == {never: ["not_learned"]}

    # 3. The evidence of a release has the draw, and after it was opened what it says.
    unlearned(stage)
    before = exported(stage, tmp_path / "before")
    assert verify_bundle(before).passed, failed(before)
    assert (kinds(before).count("canaries.drawn"), kinds(before).count("canaries.opened")) == (1, 0)
    call_command("canaries_open", "keeper", device="cpu")
    draw.refresh_from_db()
    assert (draw.judgement["outcome"], draw.judgement["missed"]) == ("left_over", 5), "five of six were not asked for"
    again = exported(stage, tmp_path / "again")
    assert kinds(again) == kinds(before), "what was sealed before the draw was opened stays as it was"
    shown = officer.get(reverse("jobs:canary_list")).words
    assert "Left over" in shown
    assert "Of 6 canaries that the model learned, 5 were not erased." in shown

    # 4. A later bundle tells the opening, and no other story does.
    something_happens(stage)
    bundle = exported(stage, tmp_path / "bundle")
    assert kinds(bundle).count("canaries.opened") == 1
    assert verify_bundle(bundle).passed, failed(bundle)
    for number, (lie, why) in enumerate(LIES.items()):
        folder = tmp_path / f"lie-{number}"
        folder.mkdir()
        found = failed(Retold(bundle, signing_keys(), folder).write({"entries": lie}))
        assert why in found, (lie.__name__, found)
    told = Retold(bundle, signing_keys(), tmp_path)
    assert trained_half(opening(told)["secret"], opening(told)["examples"]) == opened(draw).trained
    assert Job.objects.filter(kind="unlearn").get().spec["exclude_ids"] == list(opened(draw).left_out)


def something_happens(stage: Stage) -> None:
    """Something else happens in the history, so that it is sealed again."""
    message = stage.request.messages.order_by("id").last()
    assert message is not None
    message_send(message_id=message.pk)


def opening(retold: Retold) -> dict[str, Any]:
    data: dict[str, Any] = retold.first("canaries.opened")["data"]
    return data


def drawing(retold: Retold) -> dict[str, Any]:
    data: dict[str, Any] = retold.first("canaries.drawn")["data"]
    return data


def secret_of_another_draw(retold: Retold) -> None:
    opening(retold)["secret"] = "2c" * 32


def another_draw_in_all_places(retold: Retold) -> None:
    one, secret = opening(retold), "2c" * 32
    commitment = commitment_of(
        secret=secret, model="model:keeper#1", corpus=drawing(retold)["snapshot_sha256"], ids=one["examples"]
    )
    one["secret"] = secret
    drawing(retold)["commitment_sha256"] = commitment
    retold.first("model.registered")["data"]["commitment_sha256"] = commitment


def fewer_canaries(retold: Retold) -> None:
    opening(retold)["examples"].pop()


def called_nothing_found(retold: Retold) -> None:
    opening(retold)["outcome"] = "nothing_found"


def said_to_have_missed_none(retold: Retold) -> None:
    opening(retold)["missed"] = 0


def another_corpus(retold: Retold) -> None:
    drawing(retold)["snapshot_sha256"] = "5" * 64


def another_original(retold: Retold) -> None:
    opening(retold)["original_sha256"] = "5" * 64


def never_drawn(retold: Retold) -> None:
    retold.entries.remove(retold.first("canaries.drawn"))


def drawn_twice(retold: Retold) -> None:
    retold.insert("canaries.drawn", "canaries.drawn", **drawing(retold))


def drawn_again_for_the_same_model(retold: Retold) -> None:
    retold.insert("canaries.drawn", "canaries.drawn", **drawing(retold) | {"commitment_sha256": "5" * 64})


def drawn_after_the_training(retold: Retold) -> None:
    one, model = retold.first("canaries.drawn"), retold.first("model.registered")
    retold.entries.remove(one)
    retold.entries.insert(retold.entries.index(model) + 1, one | {"at": model["at"]})


def opened_twice(retold: Retold) -> None:
    retold.insert("canaries.opened", "canaries.opened", **opening(retold))


def opened_without_a_draw(retold: Retold) -> None:
    opening(retold)["draw"] = 2


def opened_before_it_was_drawn(retold: Retold) -> None:
    one, first = retold.first("canaries.opened"), retold.first("canaries.drawn")
    retold.entries.remove(one)
    retold.entries.insert(retold.entries.index(first), one | {"at": first["at"]})


def opened_by_the_claimant(retold: Retold) -> None:
    retold.first("canaries.opened")["actor"] = "claimant"


def opened_for_a_corpus(retold: Retold) -> None:
    retold.first("canaries.opened")["subject"] = "corpus:keeper"


def trained_by_no_draw(retold: Retold) -> None:
    retold.first("model.registered")["data"]["commitment_sha256"] = ""


def a_share_of_two(retold: Retold) -> None:
    opening(retold)["above"] = 2.0


LIES = {
    secret_of_another_draw: "another draw was opened than was committed to",
    another_draw_in_all_places: "the training left out other canaries than the draw says",
    fewer_canaries: "other canaries were opened than were drawn among",
    called_nothing_found: "the outcome does not follow from what was measured",
    said_to_have_missed_none: "another number of canaries was missed",
    another_corpus: "the draw was made for another corpus than the model learned",
    another_original: "the draw was opened for another original than was trained",
    never_drawn: "one canaries.drawn entry for each draw by which a model was trained",
    drawn_twice: "one canaries.drawn entry for each draw by which a model was trained",
    drawn_again_for_the_same_model: "one canaries.drawn entry for each draw by which a model was trained",
    drawn_after_the_training: "was made after the model that was trained by it",
    opened_twice: "was opened twice, or the record has no such draw",
    opened_without_a_draw: "was opened twice, or the record has no such draw",
    opened_before_it_was_drawn: "was opened before it was made",
    opened_by_the_claimant: "it was made by claimant, and can only be made by account or system",
    opened_for_a_corpus: "was opened twice, or the record has no such draw",
    trained_by_no_draw: "one canaries.drawn entry for each draw by which a model was trained",
    a_share_of_two: "nothing says what its above '2.0' means",
}
