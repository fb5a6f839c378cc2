"""Replaying the ledger: what came back, for whom, and what is done about it."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from compliance.record.selectors import entries_of
from requests_app.models import Item, Proposal
from requests_app.returns import returns_standing
from requests_app.services import decisions, endings, mapping, matches
from requests_app.services.replay import Replay, ledger_replay
from requests_app.states import ItemState
from tests.endings import REASONS
from tests.erasing import erased, registered, turned_round
from tests.factories import PROTOCOL
from tests.personas import ADA, Staff
from tests.staging import NPO, Stage, corpus, job_completed, rows, trained
from tests.web.pages import signed_in
from unlearning_jobs.models import ErasureEntry, Job, ModelVersion
from unlearning_jobs.services.ledger_copy import ledger_copy
from unlearning_jobs.services.reports import report_sign

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]


@pytest.fixture
def done(staff: Staff) -> Proposal:
    stage = Stage.opened(staff, trained(corpus())).searched()
    return decisions.item_release(proposal=stage.signed(), by=staff.nils)


def two_items(staff: Staff) -> tuple[Item, Item]:
    """Ada's items for two models that were trained on the same content: keeper and second."""
    first, _second = trained(corpus()), trained(turned_round(), "second")
    stage = Stage.opened(staff, first).searched()
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches.matches_decide(request=stage.request, match_ids=ids, accept=True, by=staff.omar)
    request = mapping.review_complete(request=stage.request, by=staff.omar)
    keeper, second = request.items.select_related("request").order_by("model_name")
    return keeper, second


def released(item: Item, staff: Staff) -> Proposal:
    """Granted, approved, run, signed and released."""
    item = decisions.item_grant(item=item, ground="17_1_b", reasons="She withdrew.", by=staff.omar)
    proposal = decisions.proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=staff.omar)
    proposal = decisions.proposal_approve(proposal=proposal, by=staff.lena)
    assert proposal.job is not None
    job = job_completed(proposal.job)
    decisions.proposal_evaluated(job=job)
    report_sign(job_id=job.pk)
    return decisions.item_release(proposal=Proposal.objects.get(pk=proposal.pk), by=staff.nils)


def replayed(*, requeue: bool = False, corpus: str = "") -> Replay:
    return ledger_replay(corpus=corpus, requeue=requeue, actor="system")


def printed(*arguments: str) -> tuple[str, str]:
    """What the command says, and how it fails; empty if it does not."""
    said = StringIO()
    try:
        call_command("ledger_replay", *arguments, stdout=said)
    except CommandError as error:
        return said.getvalue(), str(error)
    return said.getvalue(), ""


def came_back(name: str = "returned") -> ModelVersion:
    """A model in use that was trained on the erased content, as an installation without the ledger would have trained it."""
    return trained(turned_round(f"corpus-of-{name}"), name)


def test_after_an_erasure_nothing_has_come_back(done: Proposal) -> None:
    said, error = printed()
    assert (error, returns_standing()) == ("", [])
    assert "The ledger has 4 entries." in said
    assert "4 erased examples, which trainings leave out (e00000000, e00000001, e00000002, e00000003)" in said
    assert said.endswith("No model knows anything that was erased and came back.\n")
    assert done.item.request.reference not in said


def test_a_model_that_knows_the_erased_again_is_named_with_its_request_and_its_examples(done: Proposal) -> None:
    version = came_back()
    said, error = printed()
    assert error == "Erased examples came back."
    assert f"{version} is in use and knows 4 examples of the ledger (e00000024, e00000025, e00000026, e00000027)" in said
    assert f"entered for {done.item.request.reference}." in said
    assert "ledger_replay --requeue" in said
    assert ADA not in said


def test_requeuing_takes_it_out_of_use_and_trains_it_again_without_them(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    version = came_back()
    said, error = printed("--requeue")
    version.refresh_from_db()
    job = Job.objects.get(model_name="returned")
    assert (version.state, len(job.spec["exclude_ids"])) == ("quarantined", 4)
    assert f"Job {job.pk} trains returned again without them." in said
    assert error == "Erased examples came back."


def test_replaying_twice_starts_nothing_twice(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    came_back()
    first, second = replayed(requeue=True), replayed(requeue=True)
    assert (len(first.jobs), len(second.jobs), Job.objects.filter(kind="train").count()) == (1, 0, 1)
    assert [back.busy for back in second.returns] == [True]
    assert ErasureEntry.objects.count() == 4


def test_each_replay_is_recorded_in_numbers(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    came_back()
    replayed(requeue=True)
    [entry] = entries_of(subject="ledger", kinds=("ledger.replayed",))
    counts = {name: value for name, value in entry.data.items() if name != "ledger_sha256"}
    assert counts == {"entries": 4, "snapshots": 2, "versions": 1, "returned": 4, "requeued": 1}


def test_a_training_that_failed_is_started_again_by_the_next_replay(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    came_back()
    [job] = replayed(requeue=True).jobs.values()
    Job.objects.filter(pk=job.pk).update(state="failed")
    said, _error = printed("--requeue")
    assert "returned v1 is out of use and knows 4 examples of the ledger" in said
    assert Job.objects.filter(kind="train").count() == 2


def test_one_corpus_can_be_looked_at_alone(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    came_back("first")
    came_back("second")
    assert [back.version.name for back in replayed(corpus="corpus-of-second").returns] == ["second"]
    assert printed("nowhere")[1] == "There is no corpus 'nowhere'."


def test_what_is_being_erased_from_another_model_has_not_come_back(staff: Staff) -> None:
    keeper, second = two_items(staff)
    released(keeper, staff)
    replay = replayed(requeue=True)
    assert (replay.returns, replay.jobs) == ([], {}), "its own item is under way"
    second.refresh_from_db()
    assert second.state == ItemState.DECIDING
    assert released(second, staff).item.state == ItemState.RELEASED


def test_what_its_own_item_was_refused_for_has_not_come_back(staff: Staff) -> None:
    keeper, second = two_items(staff)
    ending = endings.refusal_propose(item=second, ground="17_3_e", reasons=REASONS, by=staff.omar)
    endings.ending_approve(ending=ending, by=staff.lena)
    released(keeper, staff)
    assert replayed().returns == []


def test_a_restored_database_is_completed_first_and_then_asked() -> None:
    model = trained(corpus())
    with transaction.atomic():
        erased(model)
        ledger_copy()
        transaction.set_rollback(True)
    said, error = printed()
    assert "The database had lost 2 of them; they are back from the second copy." in said
    assert f"{model} is in use and knows 2 examples of the ledger" in said, "the backup brought the old version back"
    assert error == "Erased examples came back."


def test_what_a_restore_took_back_to_before_its_release_is_released_again(staff: Staff) -> None:
    proposal = Stage.opened(staff, trained(corpus())).searched().signed()
    with transaction.atomic():
        decisions.item_release(proposal=proposal, by=staff.nils)
        ledger_copy()
        transaction.set_rollback(True)
    assert printed()[1] == "", "its item waits for the release"
    proposal.refresh_from_db()
    assert decisions.item_release(proposal=proposal, by=staff.nils).item.state == ItemState.RELEASED
    assert (printed()[1], ErasureEntry.objects.count()) == ("", 4)


def test_what_was_released_before_there_was_a_ledger_is_entered(done: Proposal) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE unlearning_jobs_erasedexample DISABLE TRIGGER erased_example_is_kept")
        cursor.execute("DELETE FROM unlearning_jobs_erasedexample")
        cursor.execute("ALTER TABLE unlearning_jobs_erasureentry DISABLE TRIGGER erasure_is_kept")
        cursor.execute("DELETE FROM unlearning_jobs_erasureentry")
        cursor.execute("ALTER TABLE compliance_recordentry DISABLE TRIGGER refuse_change")
        cursor.execute("DELETE FROM compliance_recordentry WHERE kind = 'erasure.entered'")
    said, error = printed()
    assert "4 of them were erased before there was a ledger, and have been entered now." in said
    assert error == ""
    assert set(ErasureEntry.objects.values_list("subject", flat=True)) == {done.item.request.subject}


def test_rows_that_were_changed_in_the_ledger_show(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE unlearning_jobs_erasureentry DISABLE TRIGGER erasure_is_kept")
        cursor.execute("UPDATE unlearning_jobs_erasureentry SET digest = repeat('0', 64)")
    said, error = printed()
    assert "the ledger does not hold what the record says" in said
    assert error == "Not everything could be compared."


def test_a_corpus_that_is_only_said_to_have_been_compared_is_compared(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    version = came_back()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE unlearning_jobs_erasedexample DISABLE TRIGGER erased_example_is_kept")
        cursor.execute("DELETE FROM unlearning_jobs_erasedexample")
    assert f"{version} is in use and knows 4 examples of the ledger" in printed()[0]


def test_a_corpus_that_cannot_be_read_is_no_clean_answer(done: Proposal) -> None:  # noqa: ARG001  # somebody was erased
    other = registered("gone", rows())
    type(other).objects.filter(pk=other.pk).update(compared_with=0)
    shutil.rmtree(Path(settings.ARTEFACTS) / other.path)
    said, error = printed()
    assert "Not complete: gone" in said
    assert error == "Not everything could be compared."


def test_officers_see_it_on_their_first_page_until_it_is_settled(done: Proposal, staff: Staff) -> None:
    assert "have come back" not in signed_in(staff.omar).get("/cases/").words
    came_back()
    words = signed_in(staff.omar).get("/cases/").words
    assert "Erased examples have come back" in words
    knows = "returned v1 knows 4 examples that were erased, or that no model was to learn, for"
    assert f"{knows} {done.item.request.reference}." in words
    replayed(requeue=True)
    assert "Something is under way for this model." in signed_in(staff.omar).get("/cases/").words


def test_engineers_see_what_each_version_knows_and_left_out_and_what_each_corpus_holds(done: Proposal, staff: Staff) -> None:  # noqa: ARG001  # somebody was erased
    came_back()
    [job] = replayed(requeue=True).jobs.values()
    models = signed_in(staff.eva).get("/jobs/models/").words
    assert "Knows 4." in models
    assert "Unlearned 4." in models
    assert "Trainings leave out 4 erased examples." in signed_in(staff.eva).get("/jobs/corpora/").words
    assert "Erased examples left out4" in signed_in(staff.eva).get(f"/jobs/{job.pk}/").words


def test_whoever_may_not_see_requests_does_not_see_which_came_back(done: Proposal, staff: Staff) -> None:
    came_back()
    assert signed_in(staff.eva).client.get("/cases/").status_code == 403
    assert done.item.request.reference not in signed_in(staff.eva).get("/jobs/models/").words
