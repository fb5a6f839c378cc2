"""Whoever ends a review is told of samples that nobody has finished, before and after, and where to finish them."""

from __future__ import annotations

import pytest

from requests_app import sample_wording
from requests_app.models import MissedSample
from requests_app.sample_wording import Tally, progress_sentence, result_sentences
from requests_app.services.mapping import review_complete
from tests.queues import Queues
from tests.requests_app.services.sampling import drawn, finished, marked
from tests.staging import Stage
from tests.web.pages import Site, text_of

pytestmark = pytest.mark.django_db
STONE = "e00000007"
SENTENCE = (
    "Sample 1 is not finished. Left to look at: 24 of 24. Nothing follows from the sample before all were looked at. What is"
    " found in it can be added only while the request is under review."
)


@pytest.fixture
def case(stage: Stage, queues: Queues) -> str:  # noqa: ARG001  # what is rung for goes there
    stage.searched()
    return f"/cases/{stage.request.reference}/"


@pytest.fixture
def sample(stage: Stage, case: str) -> MissedSample:  # noqa: ARG001  # the case comes first
    return drawn(stage)


def decided(stage: Stage) -> None:
    stage.request.matches.update(decision="accepted", decided_by=stage.staff.omar)


def test_the_list_the_confirmation_and_the_page_after_it_say_so(
    stage: Stage, omar: Site, case: str, sample: MissedSample
) -> None:
    decided(stage)
    assert SENTENCE in omar.get(f"{case}matches/").words
    page = omar.get(f"{case}matches/complete/")
    assert SENTENCE in page.words
    assert page.link("Finish sample 1").endswith(f"/samples/{sample.number}/")
    assert SENTENCE in omar.submit(page, action=f"{case}matches/complete/").words


def test_the_list_of_what_is_to_do_and_that_of_the_requests_name_it(
    stage: Stage, omar: Site, case: str, sample: MissedSample
) -> None:
    assert omar.get(case).link("Finish sample 1").endswith(f"/samples/{sample.number}/")
    assert "4 matches, finish 1 sample" in omar.get("/cases/").words
    decided(stage)
    review_complete(request=stage.request, by=stage.staff.omar)
    assert omar.get(case).link("Finish sample 1").endswith(f"/samples/{sample.number}/")
    assert "finish 1 sample" in omar.get("/cases/").words


def test_nobody_is_told_of_a_sample_that_is_finished(stage: Stage, omar: Site, case: str) -> None:
    finished(stage)
    decided(stage)
    pages = [omar.get(path).words for path in (case, f"{case}matches/", f"{case}matches/complete/", "/cases/")]
    assert not [words for words in pages if "inish sample" in words or "finish 1 sample" in words]


def test_what_would_be_added_after_the_review_has_no_button(
    stage: Stage, omar: Site, case: str, sample: MissedSample
) -> None:
    marked(sample, stage.staff.omar, {STONE})
    buttons = [text_of(button) for button in omar.get(f"{case}samples/1/").all("button")]
    assert "Finish, and accept 1 example as a match" in buttons
    decided(stage)
    review_complete(request=stage.request, by=stage.staff.omar)

    page = omar.get(f"{case}samples/1/")
    assert not [button for button in page.all("button", page.main) if "Finish" in text_of(button)]
    assert "search again first" in page.words


def test_the_notice_that_a_sample_is_not_finished_leads_to_it(omar: Site, case: str, sample: MissedSample) -> None:
    page = omar.get(f"{case}samples/new/")
    assert "Sample 1 is not finished. Look at all of it first." in page.words
    assert page.link("Finish sample 1").endswith(f"/samples/{sample.number}/")


def test_a_sample_of_one_example_is_said_in_the_singular(sample: MissedSample, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Tally("rest", population=1, drawn=1, left=1, about=0)
    monkeypatch.setattr(sample_wording, "tallies", lambda _sample: [one])
    assert progress_sentence(sample).startswith("Left to look at: 1 of 1.")
    assert result_sentences(sample)[0] == "One example was no match when sample 1 was drawn, and somebody looked at it."
