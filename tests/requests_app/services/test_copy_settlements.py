"""What officers say of a copy: erased, exempt, beyond use up to a day; who may, when, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

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
from requests_app.services import decisions
from requests_app.services.copies_due import closed_with_copies_waiting, copies_waiting
from requests_app.services.copy_settlements import copy_settle, settlement_letter
from requests_app.services.letters import letter
from requests_app.states import REFUSE_GROUNDS
from tests.copies import copy_of, days, settled
from tests.erasing import turned_round
from tests.staging import Stage
from unlearning_jobs.models import Copy

from .test_copies import DONE, OPEN, names, release, stage, state, stones, told

__all__ = ["stage"]
"""A fixture."""

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


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


def test_the_database_keeps_what_was_settled_and_named(stage: Stage) -> None:
    phone = copy_of(stage.model)
    copy_of(stage.model, "tape", "backup")
    proposal = release(stage)
    settled(stage, phone)
    refused: dict[str, Callable[[], object]] = {
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
        assert grounds <= set(REFUSE_GROUNDS[kind]) - {"12_5"}


def test_a_copy_of_another_corpus_with_the_same_contents_is_told_after_the_close(stage: Stage) -> None:
    release(stage)
    copy_of(stones(), "stones", "backup")
    assert closed_with_copies_waiting() == []
    copy_of(turned_round(), "archived", "backup")
    assert closed_with_copies_waiting() == [stage.request]


def test_the_letter_says_it_in_german(stage: Stage) -> None:
    phone, tape = copy_of(stage.model), copy_of(stage.model, "tape", "backup")
    ErasureRequest.objects.filter(pk=stage.request.pk).update(language="de")
    release(stage)
    settled(stage, phone)
    settled(stage, tape, "beyond_use", until=30)
    text = letter(stage.request, "outcome_completed").text
    assert "An anderer Stelle gab es 2 Kopien der Versionen davor" in text
    assert "1 Kopie wurde gelöscht" in text
    assert "1 Kopie ist nicht gelöscht. Sie liegt bis zum Ablauf des" in text
