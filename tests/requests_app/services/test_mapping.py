"""From a request to matches, on a corpus that is really registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest
from requests_app.services.intake import ClaimantDetails, TargetDetails, request_submit
from requests_app.services.mapping import request_map, request_queries
from requests_app.states import RequestState
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.models import ModelVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(artefacts: Path) -> ModelVersion:
    assert not artefacts.exists()
    return trained(corpus())


@pytest.fixture
def opened(staff: Staff, model: ModelVersion) -> Stage:
    return Stage.opened(staff, model)


def test_the_search_finds_the_person_and_marks_where(opened: Stage) -> None:
    matches = list(opened.searched().request.matches.all())

    assert matches
    assert all(start < end for match in matches for start, end in match.spans)


def test_a_search_that_runs_twice_finds_nothing_twice(opened: Stage) -> None:
    request = opened.searched().request
    count = request.matches.count()
    with pytest.raises(StaleStateError):
        request_map(request_id=request.pk)

    assert request.matches.count() == count
    assert ErasureRequest.objects.get(pk=request.pk).state == RequestState.REVIEW


def test_the_record_of_a_search_holds_no_query_in_clear(opened: Stage) -> None:
    request = opened.searched().request
    entry = RecordEntry.objects.get(subject=request.subject, kind=RecordKind.MAPPING_COMPLETED)

    assert ADA.split()[0].encode() not in bytes(entry.body)
    assert b"hmac" in bytes(entry.body)


def test_a_name_with_nothing_to_search_for_ends_the_search_all_the_same(staff: Staff, model: ModelVersion) -> None:
    target = TargetDetails(name="!?", other_names=("...",))
    request = Stage.opened(staff, model, target=target).searched().request

    assert request.state == RequestState.REVIEW
    assert not request.matches.exists()


def test_the_address_of_a_representative_is_not_searched_for() -> None:
    claimant = ClaimantDetails(name="Mother Beispiel", email="mother@example.org", on_behalf=True)
    target = TargetDetails(name=ADA)
    request = request_submit(kind="erasure", language="en", claimant=claimant, target=target, submission_key="k1")

    assert [query.value for query in request_queries(request)] == [ADA]


def test_a_work_is_searched_for_by_its_text() -> None:
    target = TargetDetails(name="Ada Verlag", work_title="A title", work_text="Eight words and more of an original text")
    claimant = ClaimantDetails(name=ADA, email="rights@example.org")
    request = request_submit(kind="copyright", language="en", claimant=claimant, target=target, submission_key="k1")

    assert [(query.kind, query.value) for query in request_queries(request)] == [("exact", target.work_text)]
