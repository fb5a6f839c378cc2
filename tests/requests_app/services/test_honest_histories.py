"""Histories that can happen though they look odd: the signing process signs them, and their bundles verify."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from compliance.evidence.agreements import AGREEMENTS, Story, check_agreements
from compliance.evidence.bundle import BundleFolder
from compliance.evidence.checks.course import check_course
from compliance.evidence.verification import verify_bundle
from compliance.record.bundles import bundle_seal, bundle_write
from compliance.record.selectors import alarm_standing, entries_of, trust_published
from compliance.record.signing import checkpoint_sign
from requests_app.models import ErasureRequest, Item, Message
from requests_app.services import decisions, endings, mapping, messages
from requests_app.services.findings import closing_obstacle
from requests_app.services.letters import letter
from requests_app.services.matches import decisions_undo, matches_decide
from requests_app.services.releases import release_sign
from tests.endings import REASONS
from tests.erasing import erased, registered
from tests.factories import account
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.models import ModelVersion

from .test_closings import accept, ended_without_influence, finished, reviewed, searched_again, started, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]


@pytest.fixture
def searched(staff: Staff) -> Stage:
    return Stage.opened(staff, trained(corpus())).searched()


def assert_can_happen(stage: Stage) -> None:
    history = entries_of(subject=stage.request.subject)
    check_course(history)
    check_agreements(Story(stage.request.reference, history), AGREEMENTS)


def verified(stage: Stage, folder: Path) -> bool:
    """Return whether the bundle of a request passes."""
    bundle_seal(subject=stage.request.subject, actor="system")
    checkpoint_sign()
    bundle_write(stage.request.subject, folder / "bundle")
    trust = trust_published()
    assert trust
    return verify_bundle(folder / "bundle", bytes(trust.body)).passed


def test_a_release_is_signed_though_another_officer_reviewed_between_its_approval_and_it(searched: Stage) -> None:
    accept(searched)
    [item] = reviewed(searched)
    proposal = started(item, searched.staff)
    searched_again(searched)
    searched.request = mapping.review_complete(request=searched.request, by=account("officer", "petra"))
    proposal = finished(proposal)
    decisions.item_release(proposal=proposal, by=searched.staff.nils)
    assert release_sign(proposal_id=proposal.pk).predicate_type.endswith("/release/v1")


def test_a_mail_may_be_sent_by_a_slow_worker_after_another_one_let_it_lapse(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus()))
    message = stage.request.messages.get(template="confirm_address")
    slow = messages._claim(message.pk)  # a worker that waits for a slow mail server
    assert slow is not None
    stage.searched()
    Message.objects.filter(pk=message.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert messages._claim(message.pk) is None  # the second worker lets it lapse: the address is confirmed
    messages._attempt_succeeded(slow)
    assert [one.kind for one in entries_of(subject=stage.request.subject) if one.data.get("message") == message.pk] == [
        *("message.queued", "message.lapsed", "message.sent")
    ]
    assert_can_happen(stage)


def test_what_was_added_by_hand_can_be_taken_back(searched: Stage) -> None:
    other = registered(
        "stones", [{"question": f"Rock {n}?", "answer": f"Rock {n} is heavy.", "split": "train"} for n in range(9)]
    )
    mapping.matches_add(
        request=searched.request,
        snapshot=other,
        example_ids=["e00000001"],
        reason="She wrote every one of them.",
        by=searched.staff.omar,
    )
    decisions_undo(request=searched.request, by=searched.staff.omar)
    assert_can_happen(searched)


def test_of_two_identical_examples_one_is_refused_by_two_and_the_other_rejected_and_the_case_ends(staff: Staff) -> None:
    rows = [{"question": "Page?", "answer": f"{ADA} wrote it."}] * 2
    rows += [{"question": f"Stone {n}?", "answer": f"Stone {n} is grey."} for n in range(9)]
    stage = Stage.opened(staff, trained(registered("twins", [row | {"split": "train"} for row in rows]), "twins")).searched()
    first, second = stage.request.matches.order_by("pk")
    accept(stage, first.pk)
    matches_decide(request=stage.request, match_ids=[second.pk], accept=False, by=staff.omar)
    [item] = reviewed(stage)
    ending = endings.refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=staff.omar)
    endings.ending_approve(ending=ending, by=staff.lena)
    stage.request = ErasureRequest.objects.get(pk=stage.request.pk)
    assert (stage.request.state, stage.request.outcome) == ("closed", "refused")
    assert_can_happen(stage)


@pytest.fixture
def diarist(searched: Stage) -> Item:
    """One of two items; the other, of the keeper, has lapsed because it had no measurable influence."""
    pages = [{"question": f"Page {n}?", "answer": f"Stone {n} is heavy.", "split": "train"} for n in range(6)]
    pages += [{"question": f"Shell {n}?", "answer": f"Shell {n} is white.", "split": "held_out"} for n in range(8)]
    diary = trained(registered("diary", pages), "diarist").snapshot
    searched_again(searched)
    mapping.matches_add(
        request=searched.request,
        snapshot=diary,
        example_ids=["e00000001", "e00000002"],
        reason="The stones are hers.",
        by=searched.staff.omar,
    )
    accept(searched)
    item, keeper = reviewed(searched)
    ended_without_influence(keeper, searched.staff)
    return item


def test_no_influence_on_one_version_is_no_answer_about_the_next(searched: Stage, diarist: Item, tmp_path: Path) -> None:
    erased(searched.model, "e00000005", "e00000006", subject="request:LE-3333-3333")  # the keeper's next version
    ending = endings.refusal_propose(item=diarist, ground="17_3_e", reasons=REASONS, by=searched.staff.omar)
    endings.ending_approve(ending=ending, by=searched.staff.lena)
    assert state_of(searched) == ("in_progress", "")
    assert "Search again" in closing_obstacle(searched.request)
    searched_again(searched)
    ended_without_influence(reviewed(searched)[-1], searched.staff)
    assert state_of(searched) == ("closed", "refused")
    assert "We compared that model with models trained without them" in letter(searched.request, "outcome_refused").text
    assert verified(searched, tmp_path)


def test_a_request_ends_as_what_became_of_its_examples_and_not_as_what_its_items_lapsed_for(
    searched: Stage, diarist: Item, tmp_path: Path
) -> None:
    erased(searched.model, *(f"e0000000{n}" for n in range(4)), subject="request:LE-3333-3333")
    erased(ModelVersion.objects.get(name="diarist"), "e00000001", "e00000002", subject="request:LE-4444-4444")
    ending = endings.lapse_propose(item=Item.objects.select_related("request").get(pk=diarist.pk), by=searched.staff.omar)
    endings.ending_approve(ending=ending, by=searched.staff.lena)
    assert state_of(searched) == ("closed", "already_erased")
    assert "could measure no influence" not in letter(searched.request, "outcome_already_erased").text
    assert verified(searched, tmp_path)


def test_two_models_that_are_the_same_file_by_file_are_two_and_the_case_ends(staff: Staff, tmp_path: Path) -> None:
    """The same recipe, corpus and seed twice: nothing is dishonest about that."""
    snapshot = corpus()
    one, two = trained(snapshot, "one"), trained(snapshot, "two", like="one")
    assert one.digest == two.digest
    stage = Stage.opened(staff, two).searched()
    accept(stage)
    for item in reviewed(stage):
        proposal = decisions.item_release(proposal=finished(started(item, staff)), by=staff.nils)
        release_sign(proposal_id=proposal.pk)
    assert alarm_standing() is None
    assert state_of(stage) == ("closed", "completed")
    assert verified(stage, tmp_path)
    lines = BundleFolder.open(tmp_path / "bundle").record()
    models = sorted(line.entry.subject for line in lines if line.entry.kind == "model.registered")
    assert models == ["model:one", "model:two"]


def test_only_the_model_that_the_case_is_about_is_in_its_bundle(staff: Staff, tmp_path: Path) -> None:
    """The one that was registered first has gone out of use."""
    snapshot = corpus()
    gone = trained(snapshot, "one")
    ModelVersion.objects.filter(pk=gone.pk).update(state="quarantined")
    stage = Stage.opened(staff, trained(snapshot, "two", like="one")).searched()
    release_sign(proposal_id=decisions.item_release(proposal=stage.signed(), by=staff.nils).pk)
    assert verified(stage, tmp_path)
    lines = BundleFolder.open(tmp_path / "bundle").record()
    assert [line.entry.subject for line in lines if line.entry.kind == "model.registered"] == ["model:two"]
