"""A request is completed only when every copy of what held its examples is erased, exempt, or beyond use."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from compliance.accounts.errors import NotAllowedError
from compliance.evidence.checks.course import check_course
from compliance.formats.copies import EXEMPTIONS, WAYS_SETTLED
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from requests_app.models import CopySettlement, ErasureRequest, Proposal
from requests_app.services import decisions, intake
from requests_app.services.copies_due import closed_with_copies_waiting, copies_due, copies_obstacle, copies_waiting
from requests_app.services.copy_settlements import copy_settle, settlement_letter
from requests_app.services.intake import LinkError
from requests_app.services.letters import letter
from requests_app.states import REFUSE_GROUNDS, RequestState
from tests.copies import copy_of, days, settled
from tests.erasing import erased, registered, turned_round
from tests.factories import PROTOCOL
from tests.personas import Staff
from tests.staging import NPO, Stage, corpus, trained
from unlearning_jobs.models import Copy, CorpusSnapshot
from unlearning_jobs.services.copies import copy_retire

from .test_closings import finished

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


def test_a_copy_is_settled_for_good_once(stage: Stage) -> None:
    phone = copy_of(stage.model)
    copy_of(stage.model, "tape", "backup")
    release(stage)
    settled(stage, phone, "exempt", ground="17_3_e")
    for again in ("erased", "exempt"):
        with pytest.raises(StaleStateError, match="settled already"):
            settled(stage, phone, again, ground="17_3_e" if again == "exempt" else "")
    assert CopySettlement.objects.count() == 1


@pytest.mark.parametrize(
    ("how", "given"),
    [
        ("exempt", {}),
        ("exempt", {"ground": "12_5"}),
        ("exempt", {"ground": "17_1_b"}),
        ("exempt", {"ground": "no_right"}),
        ("erased", {"ground": "17_3_e"}),
        ("erased", {"until": 30}),
        ("beyond_use", {}),
        ("beyond_use", {"until": 0}),
        ("beyond_use", {"until": -1}),
        ("beyond_use", {"until": 367}),
        ("forgotten", {}),
    ],
)
def test_what_does_not_settle_a_copy_is_refused(stage: Stage, how: str, given: dict[str, object]) -> None:
    phone = copy_of(stage.model)
    release(stage)
    with pytest.raises(StaleStateError):
        settled(stage, phone, how, **given)  # type: ignore[arg-type]  # of two types
    assert state(stage) == OPEN
    assert not told(stage, RecordKind.COPY_SETTLED)


def test_nobody_but_officers_settles_a_copy(stage: Stage) -> None:
    phone = copy_of(stage.model)
    release(stage)
    for other in (stage.staff.eva, stage.staff.iris, stage.staff.max, stage.staff.mallory()):
        with pytest.raises(NotAllowedError):
            copy_settle(request=stage.request, copy=phone, how="erased", by=other)


def test_beyond_use_is_renewed_or_becomes_an_erasure_and_neither_shortened(stage: Stage) -> None:
    phone = copy_of(stage.model)
    copy_of(stage.model, "tape", "backup")
    release(stage)
    settled(stage, phone, "beyond_use", until=30)
    for day in (30, 10):
        with pytest.raises(StaleStateError, match="later day"):
            settled(stage, phone, "beyond_use", until=day)
    settled(stage, phone, "beyond_use", until=60)
    assert settled(stage, phone).number == 3
    assert names(copies_waiting(stage.request)) == ["tape"]
    check_course(entries_of(subject=stage.request.subject))


def a_day_passes(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    later = timezone.localdate() + timedelta(days=count)
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: later)


def test_after_its_last_day_it_is_unsettled_again_and_the_request_is_not_completed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, tape = copy_of(stage.model), copy_of(stage.model, "tape", "backup")
    release(stage)
    settled(stage, phone, "beyond_use", until=1)
    a_day_passes(monkeypatch, 2)
    settled(stage, tape)
    assert state(stage) == OPEN
    assert names(copies_waiting(stage.request)) == ["phone"]
    settled(stage, phone, "beyond_use", until=1)
    assert state(stage) == DONE


def test_after_the_close_staff_are_told_and_the_request_stays_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = copy_of(stage.model)
    release(stage)
    settled(stage, phone, "beyond_use", until=1)
    assert state(stage) == DONE
    assert closed_with_copies_waiting() == []
    a_day_passes(monkeypatch, 2)
    assert closed_with_copies_waiting() == [stage.request]
    assert state(stage) == DONE
    settled(stage, phone)
    assert closed_with_copies_waiting() == []
    check_course(entries_of(subject=stage.request.subject))


def test_a_copy_that_comes_after_the_close_is_told_and_reopens_nothing(stage: Stage) -> None:
    release(stage)
    assert state(stage) == DONE
    assert closed_with_copies_waiting() == []
    tape = copy_of(stage.model.snapshot, "tape", "backup")
    copy_of(copy_of(stage.model), "cached", "cache")
    assert closed_with_copies_waiting() == [stage.request]
    assert names(copies_waiting(stage.request)) == ["tape", "phone", "cached"]
    for copy in Copy.objects.all():
        settled(stage, copy)
    assert state(stage) == DONE
    assert closed_with_copies_waiting() == []
    with pytest.raises(StaleStateError, match="settled already"):
        settled(stage, tape)
    check_course(entries_of(subject=stage.request.subject))


def test_the_letter_says_what_became_of_each_and_goes_on_saying_it(stage: Stage) -> None:
    copies = [copy_of(stage.model, name) for name in ("one", "two", "three", "four")]
    release(stage)
    settled(stage, copies[0])
    settled(stage, copies[1])
    settled(stage, copies[2], "beyond_use", until=30)
    preview = settlement_letter(request=stage.request, copy=copies[3], how="exempt", by=stage.staff.omar, ground="17_3_e")
    assert state(stage) == OPEN
    settled(stage, copies[3], "exempt", ground="17_3_e")
    assert state(stage) == DONE
    written = letter(stage.request, "outcome_completed")
    assert preview == written
    assert "there were 4 copies of the versions before" in written.text
    assert "2 copies were erased" in written.text
    assert "1 copy stays as it is, on this ground: Art. 17(3)(e): legal claims." in written.text
    assert "1 copy is not erased. It was put where nobody uses it, until the end of" in written.text
    settled(stage, copies[2])
    assert letter(stage.request, "outcome_completed") == written


def test_the_preview_of_a_release_is_what_it_does(stage: Stage) -> None:
    proposal, phone = stage.signed(), copy_of(stage.model)
    assert decisions.release_letter(proposal=proposal, by=stage.staff.nils) is None, "the request will stay open"
    release(stage, proposal)
    assert not stage.request.messages.filter(template="outcome_completed").exists()
    copy_of(phone, "cached", "cache")
    assert settlement_letter(request=stage.request, copy=phone, how="erased", by=stage.staff.omar) is None
    assert len(copies_waiting(stage.request)) == 2, "a preview changes nothing"


def test_the_database_lets_no_request_be_completed_with_a_copy_that_waits(stage: Stage) -> None:
    copy_of(stage.model)
    release(stage)
    with pytest.raises(DatabaseError, match="request_copies_are_settled"), transaction.atomic():
        ErasureRequest.objects.filter(pk=stage.request.pk).update(state="closed", outcome="completed")


def test_the_database_keeps_what_was_settled_and_named(stage: Stage) -> None:
    phone = copy_of(stage.model)
    copy_of(stage.model, "tape", "backup")
    proposal = release(stage)
    settled(stage, phone)
    refused = {
        "copy_settlement_is_fixed": lambda: CopySettlement.objects.update(how="exempt"),
        "copy_settlement_is_kept": lambda: CopySettlement.objects.all().delete(),
        "copy_settled_for_good": lambda: CopySettlement.objects.create(
            request=stage.request, copy=phone, number=2, how="beyond_use", until=days(3), settled_by=stage.staff.omar
        ),
        "proposal_copies_are_fixed": lambda: Proposal.objects.filter(pk=proposal.pk).update(copies=[]),
        "copy_settlement_in_full": lambda: CopySettlement.objects.create(
            request=stage.request,
            copy=Copy.objects.get(name="tape"),
            number=1,
            how="exempt",
            settled_by=stage.staff.omar,
        ),
    }
    for name, act in refused.items():
        with pytest.raises(DatabaseError, match=name), transaction.atomic():
            act()


def test_forms_and_record_use_the_same_words() -> None:
    assert set(CopySettlement.How.values) == WAYS_SETTLED
    for kind, grounds in EXEMPTIONS.items():
        assert grounds < {*REFUSE_GROUNDS[kind], ""} | {""}
