"""A request is completed only when every copy of what held its examples is erased, exempt, or beyond use."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from compliance.evidence.checks.course import check_course
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from requests_app.models import CopySettlement, ErasureRequest, Proposal
from requests_app.services import decisions, endings, intake, mapping
from requests_app.services.copies_due import copies_due, copies_obstacle, copies_waiting
from requests_app.services.intake import LinkError
from requests_app.services.letters import letter
from requests_app.states import RequestState
from tests.copies import copy_of, days, settled
from tests.erasing import erased, registered, turned_round
from tests.factories import PROTOCOL, account
from tests.personas import Staff
from tests.staging import NPO, Stage, corpus, trained
from unlearning_jobs.models import Copy, CorpusSnapshot
from unlearning_jobs.services.copies import copy_retire

from .test_closings import finished, searched_again
from .test_closings import released as released_item
from .test_letters_of_two_items import two_items_of_one_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    return Stage.opened(staff, trained(corpus())).searched()


def release(stage: Stage, proposal: Proposal | None = None) -> Proposal:
    released = decisions.item_release(proposal=proposal or stage.signed(), by=stage.staff.nils)
    stage.request.refresh_from_db()
    return released


def state(stage: Stage) -> tuple[str, str]:
    stage.request.refresh_from_db()
    return stage.request.state, stage.request.outcome


def names(copies: list[Copy]) -> list[str]:
    return [copy.name for copy in copies]


def told(stage: Stage, kind: RecordKind) -> list[dict[str, object]]:
    return [dict(entry.data) for entry in entries_of(subject=stage.request.subject) if entry.kind == kind]


def stones() -> CorpusSnapshot:
    """A corpus without a word about Ada."""
    return registered("stones", [{"question": f"Rock {n}?", "answer": "Heavy.", "split": "train"} for n in range(9)])


OPEN, DONE = (RequestState.IN_PROGRESS, ""), (RequestState.CLOSED, "completed")


def test_a_request_without_copies_is_completed_by_its_release(stage: Stage) -> None:
    release(stage)
    assert state(stage) == DONE
    assert told(stage, RecordKind.ITEM_RELEASED)[0]["copies"] == []
    assert "Elsewhere" not in letter(stage.request, "outcome_completed").text


def test_the_last_copy_to_be_settled_closes_the_request(stage: Stage) -> None:
    phone = copy_of(stage.model)
    tape = copy_of(stage.model.snapshot, "tape", "backup")
    release(stage)
    assert state(stage) == OPEN
    assert told(stage, RecordKind.ITEM_RELEASED)[0]["copies"] == [phone.pk, tape.pk]
    assert copies_obstacle(stage.request) == "2 copies of what held the examples are not settled (phone, tape)."
    settled(stage, phone)
    assert state(stage) == OPEN
    settled(stage, tape, "beyond_use", until=30)
    assert state(stage) == DONE
    assert told(stage, RecordKind.COPY_SETTLED) == [
        {"copy": phone.pk, "how": "erased", "ground": "", "until": ""},
        {"copy": tape.pk, "how": "beyond_use", "ground": "", "until": days(30).isoformat()},
    ]
    check_course(entries_of(subject=stage.request.subject))


def test_a_copy_of_a_copy_waits_though_what_it_was_made_from_went_before(stage: Stage) -> None:
    merged = copy_of(stage.model, "merged", "merge")
    phone = copy_of(copy_of(merged, "small"), "phone", "deployment")
    copy_retire(copy=merged, by=stage.staff.eva)
    release(stage)
    assert names(copies_waiting(stage.request)) == ["small", "phone"]
    settled(stage, phone)
    assert names(copies_waiting(stage.request)) == ["small"]


def test_a_copy_that_is_registered_after_the_approval_waits_too(stage: Stage) -> None:
    proposal = stage.signed()
    copy_of(stage.model)
    release(stage, proposal)
    assert names(copies_waiting(stage.request)) == ["phone"]


def test_one_that_is_registered_after_the_release_keeps_an_open_request_open(stage: Stage) -> None:
    phone = copy_of(stage.model)
    release(stage)
    late = copy_of(phone, "late", "cache")
    settled(stage, phone)
    assert state(stage) == OPEN
    settled(stage, late)
    assert state(stage) == DONE
    check_course(entries_of(subject=stage.request.subject))


def test_one_that_goes_after_the_release_waits_until_an_officer_says_so(stage: Stage) -> None:
    phone = copy_of(stage.model)
    release(stage)
    copy_retire(copy=phone, by=stage.staff.eva)
    assert state(stage) == OPEN
    settled(stage, phone)
    assert state(stage) == DONE


def test_an_earlier_version_that_held_the_examples_counts_and_a_later_one_that_does_not_is_none(stage: Stage) -> None:
    copy_of(stage.model, "old")
    second = erased(stage.model, "e00000008", "e00000009", subject="request:LE-3333-3333")
    copy_of(second, "second")
    released = release(stage)
    assert released.job is not None
    assert released.job.result_version is not None
    copy_of(released.job.result_version, "new")
    assert names(copies_waiting(stage.request)) == ["old", "second"]


def test_what_was_tried_and_did_not_pass_counts_as_if_nothing_had_been_tried(stage: Stage) -> None:
    failed = stage.signed("failed")
    assert failed.job is not None
    assert failed.job.result_version is not None
    copy_of(failed.job.result_version, "tried")
    again = decisions.proposal_submit(item=stage.item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)
    release(stage, finished(decisions.proposal_approve(proposal=again, by=stage.staff.lena)))
    assert names(copies_waiting(stage.request)) == ["tried"]


def test_another_corpus_with_the_same_contents_counts_and_one_without_them_does_not(stage: Stage) -> None:
    copy_of(turned_round(), "archived", "backup")
    copy_of(stones(), "stones", "backup")
    release(stage)
    assert names(copies_waiting(stage.request)) == ["archived"]


def test_a_corpus_of_which_nobody_knows_the_contents_blocks(stage: Stage) -> None:
    copy_of(stones(), "stones", "backup")
    CorpusSnapshot.objects.filter(corpus__name="stones").update(contents_key="")
    release(stage)
    assert names(copies_waiting(stage.request)) == ["stones"]


def test_a_request_that_is_withdrawn_closes_at_once_though_there_are_copies(stage: Stage) -> None:
    copy_of(stage.model)
    stage.approved()
    intake.request_withdraw(token=stage.token("status", "s1"))
    assert state(stage) == (RequestState.CLOSED, "withdrawn")
    assert copies_due(stage.request) == []
    with pytest.raises(StaleStateError, match="does not wait for this copy"):
        settled(stage, Copy.objects.get())


def test_once_something_is_released_nobody_withdraws_while_copies_wait(stage: Stage) -> None:
    copy_of(stage.model)
    release(stage)
    with pytest.raises((LinkError, StaleStateError)):
        intake.request_withdraw(token=stage.token("status", "s1"))
    assert state(stage) == OPEN


def test_before_a_release_nothing_is_settled(stage: Stage) -> None:
    phone = copy_of(stage.model)
    stage.signed()
    with pytest.raises(StaleStateError, match="does not wait for this copy"):
        settled(stage, phone)


def test_the_database_lets_no_request_be_completed_with_a_copy_that_waits(stage: Stage) -> None:
    copy_of(stage.model)
    release(stage)
    with pytest.raises(DatabaseError, match="request_copies_are_settled"), transaction.atomic():
        ErasureRequest.objects.filter(pk=stage.request.pk).update(state="closed", outcome="completed")


def test_two_items_of_one_model_wait_for_one_settlement_of_each_copy(staff: Staff, artefacts: Path) -> None:
    assert artefacts
    stage, one, two = two_items_of_one_model(staff)
    phone = copy_of(stage.model)
    released_item(one, staff)
    stage.request.refresh_from_db()
    settled(stage, phone)
    assert state(stage) == OPEN, "the other item is open"
    released_item(two, staff)
    assert [entry["copies"] for entry in told(stage, RecordKind.ITEM_RELEASED)] == [[phone.pk], [phone.pk]]
    assert state(stage) == DONE
    assert CopySettlement.objects.count() == 1
    check_course(entries_of(subject=stage.request.subject))


def test_while_it_is_searched_again_a_copy_is_settled_and_closes_nothing(stage: Stage) -> None:
    phone = copy_of(stage.model)
    release(stage)
    searched_again(stage)
    settled(stage, phone)
    assert state(stage) == (RequestState.REVIEW, "")
    mapping.review_complete(request=stage.request, by=stage.staff.omar)
    assert state(stage) == DONE
    check_course(entries_of(subject=stage.request.subject))


def test_an_end_of_the_rest_is_not_proposed_while_a_copy_waits(stage: Stage) -> None:
    phone = copy_of(stage.model)
    release(stage)
    searched_again(stage)
    stones()
    mapping.matches_add(
        request=stage.request,
        snapshot=CorpusSnapshot.objects.get(corpus__name="stones"),
        example_ids=["e00000001"],
        reason="The rocks are hers.",
        by=stage.staff.omar,
    )
    with pytest.raises(StaleStateError, match="1 copy of what held the examples is not settled"):
        endings.closing_draft(request=stage.request, reasons="", by=stage.staff.omar)
    settled(stage, phone)
    ending = endings.closing_propose(request=stage.request, outcome="not_learned", reasons="", by=stage.staff.omar)
    endings.ending_approve(ending=ending, by=account("officer"))
    assert state(stage) == DONE
    check_course(entries_of(subject=stage.request.subject))
