"""The pages of a sample: what it takes is said before, it is looked at, and what follows stands with the search."""

from __future__ import annotations

import pytest

from requests_app.models import MissedSample
from requests_app.sample_runner import sample_execute
from requests_app.search_runner import request_map
from requests_app.services.intake import request_withdraw
from requests_app.services.sample_orders import sample_claim
from requests_app.services.samples import sample_mark
from requests_app.services.search_orders import request_search_again
from tests.erasing import registered
from tests.personas import client_of
from tests.queues import Queues
from tests.requests_app.services.sampling import added, drawn, finished, left, marked, ordered
from tests.staging import Stage, corpus, rows, trained
from tests.web.pages import Page, Site, signed_in
from unlearning_jobs.states import JobState

pytestmark = pytest.mark.django_db
STONE = "e00000007"


@pytest.fixture
def case(stage: Stage, queues: Queues) -> str:  # noqa: ARG001  # what is rung for goes there
    stage.searched()
    return f"/cases/{stage.request.reference}/"


def press(site: Site, page: Page, path: str, status: int = 302, **pressed: object) -> None:
    token = page.all("input", name="csrfmiddlewaretoken")[0].get("value")
    response = site.client.post(path, pressed | {"csrfmiddlewaretoken": str(token)})
    assert response.status_code == status


def test_the_page_says_what_a_sample_takes_and_gives_and_a_worker_draws_it(stage: Stage, omar: Site, case: str) -> None:
    form = omar.get(omar.get(f"{case}matches/").link("Estimate what this search missed"))
    for size, most, share in ((50, 100, "7.1"), (100, 200, "3.6"), (300, 600, "1.2")):
        assert f"{size} of each group: up to {most} examples to look at." in form.words
        assert f"If none of {size} is about the person, at most {share} %" in form.words

    page = omar.submit(form, {"size": "50"})
    assert page.path.endswith("/samples/1/")
    assert "The sample waits for a worker." in page.words
    assert not page.all("button", name="about")
    sample = MissedSample.objects.get()
    assert (sample.size, sample.ordered_by) == (50, stage.staff.omar)


def test_no_size_and_a_foreign_size_are_asked_for_again(omar: Site, case: str) -> None:
    form = omar.get(f"{case}samples/new/")
    page = omar.submit(form, {"size": None}, status=422)
    assert page.field_error("size") == "Choose how many to look at."
    press(omar, form, f"{case}samples/new/", status=422, size=7)
    assert not MissedSample.objects.exists()


def test_examples_are_looked_at_one_by_one_and_what_was_said_is_kept(stage: Stage, omar: Site, case: str) -> None:
    sample = drawn(stage)
    page = omar.get(f"{case}samples/1/")
    assert "Left to look at: 24 of 24. Nothing follows from the sample" in page.words
    first, second = sample.examples.all()[:2]
    press(omar, page, f"{case}samples/1/", about=first.pk)
    press(omar, page, f"{case}samples/1/", other=second.pk)

    page = omar.get(f"{case}samples/1/")
    assert left(sample) == 22
    assert "looked at by omar" in page.words
    assert [one.mark for one in sample.examples.all()[:2]] == ["about", "other"]
    assert not page.all("form", action=f"{case}samples/1/finish/")


def test_who_comes_back_goes_on_where_somebody_stopped(stage: Stage, omar: Site, case: str) -> None:
    sample = drawn(stage)
    for one in sample.examples.all()[:20]:
        sample_mark(sample=sample, example_pk=one.pk, about=False, by=stage.staff.omar)
    page = omar.get(f"{case}samples/1/")
    assert "Page 2 of 2" in page.words
    assert len(page.all("button", name="about")) == 4


def test_a_second_tab_that_finishes_what_the_first_changed_is_told(stage: Stage, omar: Site, case: str) -> None:
    sample = marked(drawn(stage), stage.staff.omar)
    page = omar.get(f"{case}samples/1/")
    marked(sample, stage.staff.omar, about=[STONE])
    stale = omar.submit(page, action=f"{case}samples/1/finish/", status=409)
    assert "something has changed: the examples" in stale.words
    omar.submit(omar.get(f"{case}samples/1/"), action=f"{case}samples/1/finish/")
    assert MissedSample.objects.get().is_finished
    again = omar.submit(stale, action=f"{case}samples/1/finish/", status=409)
    assert "This sample is finished. It stays as it is." in again.words


def test_what_follows_stands_with_the_search_good_or_bad(stage: Stage, omar: Site, case: str) -> None:
    finished(stage)
    page = omar.get(f"{case}matches/")
    assert (
        "Of 24 examples that were no matches when sample 1 was drawn, 24 were drawn, and somebody looked at all of them."
        in page.words
    )
    assert "None was about the person." in page.words
    assert "With 95 % confidence, at most 0 of the 24 are about the person." in page.words
    finished(stage, STONE)
    for path in (case, f"{case}matches/"):
        words = omar.get(path).words
        assert "1 was about the person, and the search had missed it. It is among the matches now." in words
        assert "about 1 in all, these included" in words
        assert "Sample 1, of search 1" in words


def test_unfinished_and_failed_samples_stay_visible(stage: Stage, omar: Site, case: str) -> None:
    sample = ordered(stage)
    for _run in range(3):
        sample_claim(sample_id=sample.pk)
        MissedSample.objects.update(state=JobState.QUEUED)
    MissedSample.objects.update(state=JobState.FAILED, error_code="runs_used_up", lease_until=None)
    drawn(stage)
    words = omar.get(case).words
    assert "The sample could not be drawn. Its process ended 3 times" in words
    assert "Left to look at: 24 of 24." in words


def test_after_another_search_a_sample_says_that_it_is_of_the_earlier_one(stage: Stage, omar: Site, case: str) -> None:
    finished(stage)
    request_search_again(request=stage.request, by=stage.staff.omar)
    request_map(request_id=stage.request.pk)
    for path in (case, f"{case}samples/1/"):
        assert "This sample is of search 1, and says nothing about what search 2 missed." in omar.get(path).words


def test_what_was_added_by_hand_stands_beside_the_bound_good_or_bad(stage: Stage, omar: Site, case: str) -> None:
    added(stage, STONE)
    finished(stage)
    beside = "Besides, 1 accepted match had been added by hand or as a copy: no search for the name had found it until then."
    for path in (f"{case}matches/", f"{case}samples/1/", case):
        words = omar.get(path).words
        assert "23 were drawn, and somebody looked at all of them." in words
        assert beside in words
    assert f"Sample 1: drawn 23 of the 23 that were no matches by then. {beside}" in omar.get(case).words


def test_a_sample_that_called_what_is_accepted_by_now_another_says_so(stage: Stage, omar: Site, case: str) -> None:
    finished(stage)
    added(stage, STONE)
    for path in (f"{case}matches/", f"{case}samples/1/"):
        words = omar.get(path).words
        assert "1 example that somebody said is not about the person is an accepted match by now." in words


def test_a_sample_that_was_not_drawn_before_another_search_ended_says_why(stage: Stage, omar: Site, case: str) -> None:
    sample = ordered(stage)
    request_search_again(request=stage.request, by=stage.staff.omar)
    request_map(request_id=stage.request.pk)
    sample_execute(sample_id=sample.pk)
    why = "Another search ended before. Order a sample of what that one missed."
    assert f"The sample could not be drawn. {why}" in omar.get(f"{case}samples/1/").words
    assert why in omar.get(case).words


def test_where_the_corpus_or_the_matchers_have_changed_the_sample_says_so(stage: Stage, omar: Site, case: str) -> None:
    finished(stage)
    page = omar.get(f"{case}samples/1/")
    assert "has changed since" not in page.words
    registered("harbour", rows()[:-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("requests_app.sample_wording.VERSION", "another")
        page = omar.get(f"{case}samples/1/")
    assert "How texts are searched has changed since that search" in page.words
    assert "The corpus has changed since: this sample is from harbour" in page.words


def test_past_the_review_the_page_says_that_nothing_can_be_added(stage: Stage, omar: Site, case: str) -> None:
    stage.reviewed()
    marked(drawn(stage), stage.staff.omar, about=[STONE])
    page = omar.get(f"{case}samples/1/")
    assert "Matches can be added while the request is under review." in page.words
    assert not [form for form in page.all("form", page.main) if "finish" in form.get("action", "")]
    press(omar, page, f"{case}samples/1/finish/", status=409)


def test_a_closed_case_shows_its_samples_and_changes_nothing(stage: Stage, omar: Site, case: str) -> None:
    sample = drawn(stage)
    page = omar.get(f"{case}samples/1/")
    request_withdraw(token=stage.token("status", "status-1"))
    press(omar, page, f"{case}samples/1/", status=409, about=sample.examples.all()[0].pk)
    assert not omar.get(f"{case}samples/1/").all("button", name="about")
    assert "A sample is drawn when a search has ended" in omar.get(f"{case}samples/new/").words
    assert left(sample) == 24


def test_the_poll_has_the_page_loaded_again_when_the_sample_is_drawn(stage: Stage, omar: Site, case: str) -> None:
    sample = ordered(stage)
    assert "HX-Refresh" not in omar.client.get(f"{case}samples/1/progress/")
    sample_execute(sample_id=sample.pk)
    assert omar.client.get(f"{case}samples/1/progress/")["HX-Refresh"] == "true"


def test_a_sample_of_another_request_or_none_is_not_found(stage: Stage, omar: Site, case: str) -> None:
    drawn(stage)
    other = Stage.opened(stage.staff, trained(corpus("shore"), "pilot"), "k2")
    for path in (f"{case}samples/9/", f"/cases/{other.request.reference}/samples/1/"):
        assert omar.client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["eva", "iris", "max"])
def test_other_roles_see_no_sample(stage: Stage, case: str, name: str) -> None:
    drawn(stage)
    client = client_of(getattr(stage.staff, name))
    for page in ("samples/new/", "samples/1/", "samples/1/progress/", "samples/1/finish/"):
        assert client.get(f"{case}{page}").status_code == 403
        assert client.post(f"{case}{page}").status_code == 403


def test_whoever_approved_something_is_told_why_they_may_not_look(stage: Stage, case: str) -> None:
    sample = drawn(stage)
    stage.approved()
    lena = signed_in(stage.staff.lena)
    press(lena, lena.get(f"{case}samples/1/"), f"{case}samples/1/", status=403, about=sample.examples.all()[0].pk)


def test_the_history_tells_each_step_of_a_sample(stage: Stage, omar: Site, case: str) -> None:
    finished(stage, STONE)
    words = omar.get(case).words
    assert "Sample 1, of search 1: up to 50 examples of each group." in words
    assert "Sample 1: drawn 24 of the 24 that were no matches by then." in words
    assert "Sample 1: 1 about the person; at most 1 of all that it was drawn from." in words
