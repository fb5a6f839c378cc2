"""The officers' path through the pages, from the search to the released model."""

from __future__ import annotations

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from requests_app.models import ErasureRequest, Proposal
from requests_app.states import ItemState, RequestState
from tests.staging import Stage, job_completed
from tests.web.pages import signed_in
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.services.reports import report_sign

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("signing")
def test_three_officers_take_a_request_from_the_matches_to_the_released_model(
    stage: Stage, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    omar, lena, nils = (signed_in(who) for who in (stage.staff.omar, stage.staff.lena, stage.staff.nils))
    reference = stage.searched().request.reference
    address = f"/cases/{reference}/"

    matches = omar.get(f"{address}matches/")
    preview = omar.submit(matches, {"decide": "accept"}, action=f"{address}matches/bulk/?")
    omar.submit(preview, action=f"{address}matches/bulk/")
    confirm = omar.get(f"{address}matches/complete/")
    omar.submit(confirm, action=f"{address}matches/complete/")

    decide = omar.get(f"{address}items/1/decide/")
    preview = omar.submit(decide, {"decision": "grant", "grant_ground": "17_1_b"})
    omar.submit(preview, action=f"{address}items/1/decide/")

    choose = omar.get(f"{address}items/1/propose/")
    made = omar.submit(choose, {"method": "npo", "npo-steps": "5"})
    assert "You proposed this yourself" in made.words

    lena.submit(lena.get(f"{address}items/1/proposals/1/"), {"decision": "approve"}, action=f"{address}items/1/proposals/1/")
    job = Job.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        job_completed(job)
    report_sign(job_id=job.pk)

    released = nils.submit(
        nils.get(f"{address}items/1/proposals/1/release/"),
        {"act": "release"},
        action=f"{address}items/1/proposals/1/release/",
    )
    assert "Closed" in released.words
    request = ErasureRequest.objects.get()
    assert (request.state, request.outcome) == (RequestState.CLOSED, "completed")
    assert Proposal.objects.get().item.state == ItemState.RELEASED
    assert ModelVersion.objects.get(state="active").number == 2
    bundle = signed_in(stage.staff.iris).get(f"/record/bundles/{reference}/")
    assert "Seal the history" in bundle.words
