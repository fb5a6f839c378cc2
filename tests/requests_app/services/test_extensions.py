"""The time for an answer is extended once, in time, with reasons, and for what the law allows it for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from compliance.accounts.errors import NotAllowedError
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.selectors import entries_of
from requests_app.deadlines import due_date, received_on
from requests_app.models import ErasureRequest
from requests_app.services import intake
from requests_app.services.extensions import deadline_extend, extension_draft
from requests_app.services.letters import letter
from tests.endings import sent_body
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site, signed_in, text_of

pytestmark = pytest.mark.django_db
REASONS = "Your request is about ten models in two languages, and each of them has to be trained again."


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    return Stage.opened(staff, trained(corpus())).searched()


def extended(stage: Stage, months: int = 2, reasons: str = REASONS) -> ErasureRequest:
    stage.request = deadline_extend(request=stage.request, months=months, reasons=reasons, by=stage.staff.omar)
    return stage.request


@pytest.mark.parametrize("months", [1, 2])
def test_the_months_count_from_the_receipt_and_not_from_a_date_that_was_moved(stage: Stage, months: int) -> None:
    received = received_on(stage.request.received_at, "Europe/Berlin")
    assert extended(stage, months).due_on == due_date(received, country="DE", months=1 + months)
    [entry] = [one for one in entries_of(subject=stage.request.subject) if one.kind == "request.extended"]
    assert entry.data == {"due_on": stage.request.due_on.isoformat(), "months": months}
    assert not any(b"two languages" in bytes(row.body) for row in RecordEntry.objects.all())


def test_on_the_last_day_it_is_in_time(stage: Stage) -> None:
    ErasureRequest.objects.update(due_on=timezone.localdate())
    assert extended(stage).extended_by == stage.staff.omar


def test_the_claimant_reads_why_in_the_letter_that_was_previewed(stage: Stage) -> None:
    draft = extension_draft(request=stage.request, months=2, reasons=REASONS, by=stage.staff.omar)
    shown = letter(draft, "deadline_extended").text
    extended(stage)
    assert sent_body(stage).strip() == shown.strip()
    assert REASONS in shown
    assert "supervisory authority" in shown


def test_it_is_possible_once(stage: Stage) -> None:
    extended(stage, 1)
    with pytest.raises(StaleStateError, match="possible once"):
        extended(stage, 1)
    with pytest.raises(DatabaseError, match="request_extension_is_fixed"), transaction.atomic():
        ErasureRequest.objects.update(due_on=timezone.localdate())


def test_it_is_too_late_once_the_first_month_has_passed(stage: Stage) -> None:
    ErasureRequest.objects.update(due_on=timezone.localdate() - timedelta(days=1))
    with pytest.raises(StaleStateError, match="The first month has passed"):
        extended(stage)


@pytest.mark.parametrize("months", [0, 3, -1])
def test_nothing_but_one_or_two_months_can_be_taken(stage: Stage, months: int) -> None:
    with pytest.raises(StaleStateError, match="one or two"):
        extended(stage, months)


def test_it_needs_reasons(stage: Stage) -> None:
    with pytest.raises(StaleStateError, match="at least one whole sentence"):
        extended(stage, reasons="Too much work.")


def test_only_an_officer_extends(stage: Stage) -> None:
    with pytest.raises(NotAllowedError):
        deadline_extend(request=stage.request, months=1, reasons=REASONS, by=stage.staff.iris)


def test_requests_about_works_are_not_under_that_article(staff: Staff) -> None:
    request = intake.request_submit(
        kind="copyright",
        language="en",
        claimant=intake.ClaimantDetails(name="Ada", email="ada@example.org"),
        target=intake.TargetDetails(work_title="Tilsk", work_text="The light of Tilsk has burnt for nine years."),
        submission_key="k9",
    )
    with pytest.raises(StaleStateError, match="This one is about a work"):
        deadline_extend(request=request, months=1, reasons=REASONS, by=staff.omar)


def test_a_request_that_is_closed_or_not_confirmed_is_not_extended(stage: Stage) -> None:
    intake.request_withdraw(token=stage.token("status", "s1"))
    stage.request.refresh_from_db()
    with pytest.raises(StaleStateError, match="Closed"):
        extended(stage)


def test_an_officer_reads_the_letter_and_confirms_it_and_the_claimant_sees_the_new_day(stage: Stage) -> None:
    omar = signed_in(stage.staff.omar)
    path = f"/cases/{stage.request.reference}/extend/"
    page = omar.submit(omar.get(path), {"months": "2", "reasons": REASONS}, action=path)
    assert REASONS in str(page.one("pre", class_="letter").text)
    assert not entries(stage, "request.extended"), "nothing happens before it is confirmed"
    case = omar.submit(page, action=path)

    assert "Time for the answer extended" in text_of(case.root)
    status = Site().get(f"/status/{stage.token('status', 's2')}/")
    assert "Time extended on" in status.words
    assert "possible once" in omar.get(path).words


def test_what_changed_since_the_letter_was_shown_is_not_confirmed(stage: Stage) -> None:
    omar = signed_in(stage.staff.omar)
    path = f"/cases/{stage.request.reference}/extend/"
    page = omar.submit(omar.get(path), {"months": "2", "reasons": REASONS}, action=path)
    deadline_extend(request=stage.request, months=1, reasons=REASONS, by=stage.staff.nils)
    assert "possible once" in omar.submit(page, action=path, status=409).words
    assert len(entries(stage, "request.extended")) == 1


def entries(stage: Stage, kind: str) -> list[object]:
    return [entry for entry in entries_of(subject=stage.request.subject) if entry.kind == kind]
