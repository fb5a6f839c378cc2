"""A sample of what a search had not found: drawn once, looked at by officers, finished by one, and told in the record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.accounts.errors import NotAllowedError
from compliance.evidence.record import deciders
from compliance.formats.record_kinds import RecordKind
from compliance.formats.samples import all_at_most
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from requests_app.models import MissedSample
from requests_app.sample_runner import sample_execute
from requests_app.services import endings, mapping
from requests_app.services.intake import request_withdraw
from requests_app.services.matches import matches_decide
from requests_app.services.samples import sample_finish, sample_mark, sample_order, sampling_obstacle
from requests_app.services.search_orders import request_search_again
from tests.endings import REASONS
from tests.erasing import erased, registered
from tests.personas import ADA, Staff
from tests.queues import Queues
from tests.staging import Stage, corpus, trained

from .sampling import assert_verifies, drawn, finished, left, marked, ordered, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
STONE, OTHER_STONE = "e00000007", "e00000008"
WHY = "She is the keeper of these stones."


@pytest.fixture
def searched(staff: Staff, queues: Queues) -> Stage:  # noqa: ARG001  # what is rung for goes there
    return Stage.opened(staff, trained(corpus())).searched()


def test_everything_that_was_not_found_is_drawn_from_and_nothing_that_was(searched: Stage) -> None:
    sample = drawn(searched)

    ids = set(sample.examples.values_list("example_id", flat=True))
    found = set(searched.request.matches.values_list("example_id", flat=True))
    assert (len(found), sum(sample.populations.values()), sample.known) == (4, 24, 4)
    assert ids.isdisjoint(found)
    assert len(ids) == 24
    assert told(searched, RecordKind.SAMPLE_ORDERED) == {
        "sample": 1,
        "search": 1,
        "snapshot": searched.model.snapshot.digest[:16],
        "queries": [one for one in told(searched, RecordKind.MAPPING_COMPLETED)["queries"] if one["kind"] == "name"],
        "size": 50,
        "seed": sample.seed,
    }
    assert_verifies(searched)


def test_a_sample_without_the_person_bounds_what_is_missed_and_adds_nothing(searched: Stage) -> None:
    sample = finished(searched)

    groups = [(count, sample.examples.filter(group=group).count(), 0) for group, count in sample.populations.items()]
    assert sample.at_most == all_at_most(groups) == 0  # all of them were looked at
    assert told(searched, RecordKind.SAMPLE_FINISHED) == {"sample": 1, "missed": [], "at_most": 0, "added": 0}
    assert searched.request.matches.count() == 4
    assert_verifies(searched)


def test_what_is_about_the_person_becomes_an_accepted_match_in_the_same_act(searched: Stage) -> None:
    sample = finished(searched, STONE)

    match = searched.request.matches.get(example_id=STONE)
    assert (match.decision, match.decided_by, match.methods) == ("accepted", searched.staff.omar, [mapping.BY_HAND])
    assert sample.at_most == 1
    kinds = [entry.kind for entry in entries_of(subject=searched.request.subject)]
    assert kinds[-3:] == ["match.added", "match.accepted", "sample.finished"]
    assert_verifies(searched)


def test_no_sample_is_finished_before_everything_was_looked_at(searched: Stage) -> None:
    sample = drawn(searched)
    first = sample.examples.all()[0]
    sample_mark(sample=sample, example_pk=first.pk, about=False, by=searched.staff.omar)
    with pytest.raises(StaleStateError, match="23 examples have not been looked at"):
        sample_finish(sample=sample, by=searched.staff.omar)
    assert left(sample) == 23


def test_marks_are_kept_and_another_officer_goes_on_with_them(searched: Stage) -> None:
    sample = drawn(searched)
    first, second = sample.examples.all()[:2]
    sample_mark(sample=sample, example_pk=first.pk, about=True, by=searched.staff.omar)
    sample_mark(sample=sample, example_pk=first.pk, about=True, by=searched.staff.nils)
    sample_mark(sample=sample, example_pk=second.pk, about=True, by=searched.staff.nils)
    sample_mark(sample=sample, example_pk=second.pk, about=False, by=searched.staff.omar)
    marks = [(one.mark, one.marked_by) for one in sample.examples.all()[:2]]
    assert marks == [("about", searched.staff.omar), ("other", searched.staff.omar)]


def test_there_is_no_other_sample_of_the_same_search_until_one_is_finished_and_then_both_stay(searched: Stage) -> None:
    ordered(searched)
    with pytest.raises(StaleStateError, match="Sample 1 is not finished"):
        ordered(searched)
    sample_execute(sample_id=MissedSample.objects.get().pk)
    with pytest.raises(StaleStateError, match="Sample 1 is not finished"):
        ordered(searched)
    sample_finish(sample=marked(MissedSample.objects.get(), searched.staff.omar), by=searched.staff.omar)
    finished(searched, STONE)
    assert list(searched.request.samples.values_list("number", flat=True)) == [1, 2]
    assert_verifies(searched)


def test_a_finished_sample_stays_as_it_is(searched: Stage) -> None:
    sample = finished(searched)
    with pytest.raises(StaleStateError, match="is finished"):
        sample_mark(sample=sample, example_pk=sample.examples.all()[0].pk, about=True, by=searched.staff.omar)
    with pytest.raises(StaleStateError, match="is finished"):
        sample_finish(sample=sample, by=searched.staff.omar)


def test_of_two_copies_nobody_says_that_one_is_about_the_person_and_the_other_not(staff: Staff, queues: Queues) -> None:  # noqa: ARG001  # what is rung for goes there
    rows = [{"question": "Page?", "answer": f"{ADA} wrote it.", "split": "train"}]
    rows += [{"question": "Who?", "answer": "The keeper, of course.", "split": "train"}] * 2
    rows += [{"question": f"Stone {n}?", "answer": f"Stone {n} is grey.", "split": "train"} for n in range(6)]
    stage = Stage.opened(staff, trained(registered("twins", rows), "twins")).searched()
    sample = marked(drawn(stage), staff.omar, about=["e00000001"])
    with pytest.raises(StaleStateError, match="e00000002 is accepted as a match, or has the same content"):
        sample_finish(sample=sample, by=staff.omar)
    assert stage.request.matches.count() == 1
    sample_finish(sample=marked(sample, staff.omar, about=["e00000001", "e00000002"]), by=staff.omar)
    assert stage.request.matches.count() == 3
    assert_verifies(stage)


def test_what_the_matches_say_otherwise_by_now_is_settled_first(searched: Stage) -> None:
    sample = marked(drawn(searched), searched.staff.omar, about=[STONE])
    mapping.matches_add(
        request=searched.request,
        snapshot=searched.model.snapshot,
        example_ids=[STONE, OTHER_STONE],
        reason=WHY,
        by=searched.staff.omar,
    )
    with pytest.raises(StaleStateError, match=f"{OTHER_STONE} is accepted as a match"):
        sample_finish(sample=sample, by=searched.staff.omar)
    added = searched.request.matches.get(example_id=STONE)
    matches_decide(request=searched.request, match_ids=[added.pk], accept=False, by=searched.staff.omar)
    with pytest.raises(StaleStateError, match=f"{STONE} is among the matches by now, and is not accepted"):
        sample_finish(sample=sample, by=searched.staff.omar)
    matches_decide(request=searched.request, match_ids=[added.pk], accept=True, by=searched.staff.omar)
    sample_finish(sample=marked(sample, searched.staff.omar, about=[STONE, OTHER_STONE]), by=searched.staff.omar)
    assert told(searched, RecordKind.SAMPLE_FINISHED)["added"] == 0
    assert_verifies(searched)


def test_past_the_review_a_sample_ends_only_without_anything_to_add(searched: Stage) -> None:
    sample = drawn(searched)
    searched.reviewed()
    marked(sample, searched.staff.omar, about=[STONE])
    with pytest.raises(StaleStateError, match="only while the request is under review"):
        sample_finish(sample=sample, by=searched.staff.omar)
    sample_finish(sample=marked(sample, searched.staff.omar), by=searched.staff.omar)
    finished(searched)
    assert_verifies(searched)


def test_a_sample_is_of_its_search_and_can_be_finished_after_another_one(searched: Stage) -> None:
    sample = drawn(searched)
    request_search_again(request=searched.request, by=searched.staff.omar)
    searched.request.refresh_from_db()
    assert "when a search has ended" in sampling_obstacle(searched.request)
    sample_finish(sample=marked(sample, searched.staff.omar), by=searched.staff.omar)
    assert sample.search.number == 1
    assert_verifies(searched)


def test_what_the_ledger_names_is_not_drawn(searched: Stage) -> None:
    erased(searched.model, STONE, OTHER_STONE)
    sample = drawn(searched)

    assert sample.known == 6
    assert not sample.examples.filter(example_id__in=[STONE, OTHER_STONE]).exists()
    assert_verifies(searched)


Press = Callable[[Stage, MissedSample], object]
PRESSES: dict[str, Press] = {
    "order": lambda stage, _sample: sample_order(
        request=stage.request, snapshot=stage.model.snapshot, size=50, by=stage.staff.omar
    ),
    "mark": lambda stage, sample: sample_mark(
        sample=sample, example_pk=sample.examples.all()[0].pk, about=True, by=stage.staff.omar
    ),
    "finish": lambda stage, sample: sample_finish(sample=sample, by=stage.staff.omar),
}


@pytest.mark.parametrize("press", PRESSES)
def test_a_closed_case_refuses(searched: Stage, press: str) -> None:
    sample = drawn(searched)
    request_withdraw(token=searched.token("status", "status-1"))
    with pytest.raises(StaleStateError):
        PRESSES[press](searched, sample)


@pytest.mark.parametrize("name", ["iris", "eva", "max"])
def test_only_officers_order_look_and_finish(searched: Stage, name: str) -> None:
    sample, other = drawn(searched), getattr(searched.staff, name)
    with pytest.raises(NotAllowedError):
        sample_order(request=searched.request, snapshot=searched.model.snapshot, size=50, by=other)
    with pytest.raises(NotAllowedError):
        sample_mark(sample=sample, example_pk=sample.examples.all()[0].pk, about=True, by=other)
    with pytest.raises(NotAllowedError):
        sample_finish(sample=sample, by=other)


def test_whoever_approved_something_looks_at_no_sample(searched: Stage) -> None:
    sample = drawn(searched)
    searched.approved()
    with pytest.raises(NotAllowedError):
        sample_finish(sample=sample, by=searched.staff.lena)


def test_whoever_finished_a_sample_approves_no_end(searched: Stage) -> None:
    sample, staff = drawn(searched), searched.staff
    for one in sample.examples.all():
        sample_mark(sample=sample, example_pk=one.pk, about=False, by=staff.lena)
    sample_finish(sample=sample, by=staff.lena)
    searched.reviewed()
    item = searched.request.items.select_related("request").get()
    ending = endings.refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=staff.omar)
    with pytest.raises(NotAllowedError, match="You reviewed the matches"):
        endings.ending_approve(ending=ending, by=staff.lena)
    # A restored database lets it through: the verification does not.
    history = entries_of(subject=searched.request.subject)
    assert staff.lena.opaque in deciders(history, history[-1].number + 1)


def test_a_request_without_a_name_a_size_of_ones_own_and_a_corpus_that_was_not_searched_are_refused(searched: Stage) -> None:
    other = registered("stones", [{"question": f"Rock {n}?", "answer": "Heavy.", "split": "train"} for n in range(3)])
    for snapshot, size in ((searched.model.snapshot, 7), (other, 50)):
        with pytest.raises(StaleStateError, match="Choose a snapshot that was searched"):
            sample_order(request=searched.request, snapshot=snapshot, size=size, by=searched.staff.omar)


def test_an_example_of_another_sample_cannot_be_marked(searched: Stage) -> None:
    first = finished(searched)
    second = drawn(searched)
    with pytest.raises(StaleStateError, match="Choose an example of this sample"):
        sample_mark(sample=second, example_pk=first.examples.all()[0].pk, about=True, by=searched.staff.omar)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE requests_app_missedsample SET seed = 7",
        "UPDATE requests_app_missedsample SET size = 300",
        "UPDATE requests_app_missedsample SET populations = '{}'",
        "UPDATE requests_app_missedsample SET at_most = 0",
        "DELETE FROM requests_app_missedsample",
        "UPDATE requests_app_sampledexample SET mark = 'other'",
        "UPDATE requests_app_sampledexample SET example_id = 'e' || id",
        "DELETE FROM requests_app_sampledexample",
    ],
)
def test_the_database_refuses_to_change_what_was_drawn_and_finished(searched: Stage, change: str) -> None:
    finished(searched, STONE)
    with pytest.raises(DatabaseError, match="is refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_an_officer_sees_nothing_of_a_name_in_the_record(searched: Stage) -> None:
    finished(searched, STONE)
    assert all("Ada" not in str(entry.data) for entry in entries_of(subject=searched.request.subject))
