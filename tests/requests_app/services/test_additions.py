"""Examples are added by hand while the request is under review, and at no other time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.accounts.errors import NotAllowedError
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest, Match
from requests_app.services import endings, intake, mapping, matches, search_orders
from requests_app.states import RequestState
from tests.personas import Staff
from tests.staging import Stage, corpus, trained

pytestmark = pytest.mark.django_db
WHY = "It describes her without her name."


def searched_once_more(stage: Stage) -> None:
    search_orders.request_search_again(request=stage.request, by=stage.staff.omar)


def about_to_close(stage: Stage) -> None:
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches.matches_decide(request=stage.request, match_ids=ids, accept=False, by=stage.staff.omar)
    endings.closing_propose(request=stage.request, outcome="no_match", reasons="", by=stage.staff.omar)


def in_progress(stage: Stage) -> None:
    stage.reviewed()


def withdrawn(stage: Stage) -> None:
    intake.request_withdraw(token=stage.token("status", "status-1"))


@pytest.mark.parametrize(
    ("lead", "state"),
    [
        (searched_once_more, RequestState.MAPPING),
        (about_to_close, RequestState.CLOSING),
        (in_progress, RequestState.IN_PROGRESS),
        (withdrawn, RequestState.CLOSED),
    ],
    ids=lambda value: str(getattr(value, "__name__", value)),
)
def test_nothing_is_added_while_the_request_is_not_under_review(
    stage: Stage, lead: Callable[[Stage], None], state: RequestState
) -> None:
    lead(stage)
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    assert request.state == state
    assert_nothing_is_added(stage, match=request.get_state_display())


def test_nothing_is_added_before_the_claimant_has_confirmed(staff: Staff, artefacts: Path) -> None:
    assert not artefacts.exists()
    stage = Stage.opened(staff, trained(corpus()))
    assert_nothing_is_added(stage, match=stage.request.get_state_display())


def test_whoever_looks_at_a_request_that_has_moved_on_adds_nothing_either(stage: Stage) -> None:
    """The row in somebody's hand is still under review; the one in the database is not."""
    seen = ErasureRequest.objects.get(pk=stage.request.pk)
    stage.reviewed()
    stage.request = seen
    assert_nothing_is_added(stage, match="In progress")


def test_under_review_they_are_added_by_officers_alone(stage: Stage) -> None:
    for by in (stage.staff.eva, stage.staff.iris):
        with pytest.raises(NotAllowedError):
            mapping.match_add(
                request=stage.request, snapshot=stage.model.snapshot, example_id="e00000007", reason=WHY, by=by
            )
    match = mapping.match_add(
        request=stage.request, snapshot=stage.model.snapshot, example_id="e00000007", reason=WHY, by=stage.staff.omar
    )
    assert (match.decision, match.decided_by) == (Match.Decision.ACCEPTED, stage.staff.omar)


def assert_nothing_is_added(stage: Stage, match: str) -> None:
    entries, known = RecordEntry.objects.count(), stage.request.matches.count()
    with pytest.raises(StaleStateError, match=match):
        mapping.matches_add(
            request=stage.request,
            snapshot=stage.model.snapshot,
            example_ids=["e00000007", "e00000008"],
            reason=WHY,
            by=stage.staff.omar,
        )
    assert (RecordEntry.objects.count(), stage.request.matches.count()) == (entries, known)
