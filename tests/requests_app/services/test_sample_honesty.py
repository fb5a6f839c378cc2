"""A sample says what it leaves out, and nobody draws one after another until it pleases."""

from __future__ import annotations

import secrets

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from requests_app.models import MissedSample
from requests_app.sample_runner import sample_execute
from requests_app.sample_wording import result_sentences, since_sentences
from requests_app.services.findings import search_of
from requests_app.services.matches import matches_decide
from requests_app.services.sample_orders import known_examples, sample_claim, sample_draw
from requests_app.services.samples import sample_finish, sampling_obstacle
from requests_app.services.search_orders import request_search_again
from requests_app.services.searches import COPY
from tests.personas import Staff
from tests.queues import Queues
from tests.staging import Stage, corpus, trained
from unlearning_jobs.states import JobState

from .sampling import added, assert_verifies, drawn, finished, marked, ordered, searched_again, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
STONE, OTHER_STONE = "e00000007", "e00000008"
BESIDE = "Besides, 1 accepted match had been added by hand or as a copy: no search for the name had found it until then."


@pytest.fixture
def searched(staff: Staff, queues: Queues) -> Stage:  # noqa: ARG001  # what is rung for goes there
    return Stage.opened(staff, trained(corpus())).searched()


def test_what_was_added_by_hand_before_the_draw_is_counted_and_said_with_the_result(searched: Stage) -> None:
    added(searched, STONE)
    sample = finished(searched)
    assert (sample.known, sample.added, sample.at_most) == (5, 1, 0)
    assert told(searched, RecordKind.SAMPLE_DRAWN)["added"] == 1
    assert result_sentences(sample)[-1] == BESIDE
    assert_verifies(searched)


def test_what_was_added_and_rejected_again_is_known_and_not_counted_as_missed(searched: Stage) -> None:
    [match] = added(searched, STONE)
    matches_decide(request=searched.request, match_ids=[match.pk], accept=False, by=searched.staff.omar)
    sample = finished(searched)
    assert (sample.known, sample.added) == (5, 0)
    assert BESIDE not in result_sentences(sample)
    assert_verifies(searched)


def test_an_accepted_match_that_a_search_found_only_as_a_copy_is_counted(searched: Stage) -> None:
    match = searched.request.matches.first()
    assert match is not None
    matches_decide(request=searched.request, match_ids=[match.pk], accept=True, by=searched.staff.omar)
    assert finished(searched).added == 0
    searched.request.matches.filter(pk=match.pk).update(methods=[COPY])
    assert finished(searched).added == 1
    assert_verifies(searched)


def test_what_a_sample_found_is_counted_by_the_next_one(searched: Stage) -> None:
    assert finished(searched, STONE).added == 0
    assert finished(searched).added == 1
    assert_verifies(searched)


def test_after_another_search_an_unfinished_sample_still_keeps_others_from_being_ordered(searched: Stage) -> None:
    sample = drawn(searched)
    added(searched, STONE)
    searched_again(searched)
    assert "Sample 1 is not finished" in sampling_obstacle(searched.request)
    with pytest.raises(StaleStateError, match="Sample 1 is not finished"):
        ordered(searched)
    sample_finish(sample=marked(sample, searched.staff.omar, about=[STONE]), by=searched.staff.omar)
    assert ordered(searched).search.number == 2
    assert_verifies(searched)


def test_the_database_has_one_unfinished_sample_of_a_request_and_snapshot_whatever_its_search(searched: Stage) -> None:
    first = drawn(searched)
    searched_again(searched)
    last = search_of(searched.request)
    assert last is not None
    with pytest.raises(IntegrityError, match="sample_one_unfinished"), transaction.atomic():
        MissedSample.objects.create(
            request=searched.request,
            number=2,
            search=last,
            snapshot=first.snapshot,
            size=50,
            seed=secrets.randbits(8),
            ordered_by=searched.staff.omar,
        )


def test_a_sample_that_waits_until_another_search_has_ended_is_not_drawn(searched: Stage) -> None:
    sample = ordered(searched)
    searched_again(searched)
    sample_execute(sample_id=sample.pk)
    sample.refresh_from_db()
    assert (sample.state, sample.error_code, sample.examples.count()) == (JobState.FAILED, "searched_again", 0)
    assert told(searched, RecordKind.SAMPLE_FAILED) == {"sample": 1, "error": "searched_again", "runs": 1}
    assert drawn(searched).search.number == 2
    assert_verifies(searched)


def test_a_search_that_ends_during_the_draw_ends_the_sample(searched: Stage) -> None:
    claimed = sample_claim(sample_id=ordered(searched).pk)
    searched_again(searched)
    row = sample_draw(sample=claimed, known=known_examples(claimed), groups=[])
    assert (row.state, row.error_code) == (JobState.FAILED, "searched_again")
    assert_verifies(searched)


def test_while_another_search_is_due_a_sample_of_the_last_one_is_drawn(searched: Stage) -> None:
    sample = ordered(searched)
    request_search_again(request=searched.request, by=searched.staff.omar)
    sample_execute(sample_id=sample.pk)
    sample.refresh_from_db()
    assert sample.is_drawn
    assert_verifies(searched)


def test_a_finished_sample_says_how_many_it_called_others_that_are_accepted_by_now(searched: Stage) -> None:
    sample, search = finished(searched), search_of(searched.request)
    assert since_sentences(sample, search) == []
    matches = added(searched, STONE, OTHER_STONE)
    [sentence] = since_sentences(sample, search)
    assert sentence.startswith("2 examples that somebody said are not about the person are accepted matches by now.")
    matches_decide(request=searched.request, match_ids=[match.pk for match in matches], accept=False, by=searched.staff.omar)
    assert since_sentences(sample, search) == []


def test_the_second_of_two_samples_that_finds_what_the_first_denied_makes_the_first_say_so(searched: Stage) -> None:
    first, second = finished(searched), finished(searched, STONE)
    search = search_of(searched.request)
    assert since_sentences(first, search)[0].startswith("1 example that somebody said is not about the person")
    assert since_sentences(second, search) == []


def test_the_database_refuses_to_change_what_was_added(searched: Stage) -> None:
    drawn(searched)
    with pytest.raises(DatabaseError, match="is refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_missedsample SET added = 7")


def test_of_several_samples_each_says_that_the_smallest_bound_proves_less(searched: Stage) -> None:
    first = finished(searched, STONE)
    assert not [one for one in result_sentences(first) if "one of 2 finished samples" in one]
    second = finished(searched)
    for sample in (first, second):
        said = " ".join(result_sentences(sample))
        assert "one of 2 finished samples of search 1 in this snapshot" in said
        assert "all of them together with at least 90 %" in said
    assert "Of 23 examples that were no matches when sample 2 was drawn" in " ".join(result_sentences(second))


def test_the_bound_says_that_it_counts_held_out_examples(searched: Stage) -> None:
    assert "Held-out and test examples are among them: the bound counts those too." in result_sentences(finished(searched))


def test_with_nothing_left_to_draw_no_sample_is_offered(searched: Stage) -> None:
    first = finished(searched)
    added(searched, *first.examples.values_list("example_id", flat=True))
    assert sampling_obstacle(searched.request).startswith("Nothing is left to draw")
    with pytest.raises(StaleStateError, match="Nothing is left to draw"):
        ordered(searched)


def test_a_sample_for_which_nothing_was_left_bounds_nothing(searched: Stage) -> None:
    sample = ordered(searched)
    found = set(searched.request.matches.values_list("example_id", flat=True))
    added(searched, *({f"e{n:08}" for n in range(28)} - found))
    sample_execute(sample_id=sample.pk)
    sample = sample_finish(sample=MissedSample.objects.get(pk=sample.pk), by=searched.staff.omar)
    said = result_sentences(sample)
    assert said[0].startswith("Nothing was left to draw")
    assert not [one for one in said if "confidence" in one]
