"""What two officers accepted and no model knew as the request ended is learned by none later; letters keep their day."""

from __future__ import annotations

import pytest
from django.conf import settings as project
from django.core import mail
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import Settings

from compliance.accounts.errors import NotAllowedError
from compliance.evidence.agreements import AGREEMENTS, Story, check_agreements
from compliance.evidence.checks.course import check_course
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from requests_app.models import Ending, ErasureRequest, Match
from requests_app.returns import returns_standing
from requests_app.services import decisions, endings, mapping
from requests_app.services.letters import closing_letter, letter
from requests_app.services.matches import matches_decide
from requests_app.services.messages import message_send
from requests_app.services.replay import ledger_replay
from tests.endings import REASONS, refused
from tests.erasing import registered, turned_round
from tests.factories import RECIPE, model_version
from tests.personas import ADA
from tests.staging import Stage, unguarded
from unlearning_jobs.contents import contents_of
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.models import CorpusSnapshot, ErasedExample, ErasureEntry, ModelVersion
from unlearning_jobs.services.ledger import ledger_withhold, snapshots_compare
from unlearning_jobs.services.ledger_copy import ledger_copy
from unlearning_jobs.services.trainings import model_train

from .conftest import EXAMPLES
from .test_closings import finished, started
from .test_two_take_out import completed, searched_again

pytestmark = pytest.mark.django_db
PAGES = tuple(f"e0000000{number}" for number in range(3))


def diary(split: str = "train") -> CorpusSnapshot:
    """A corpus that no model has learned from."""
    pages = [{"question": f"Page {n}?", "answer": f"{ADA} wrote page {n}.", "split": "train"} for n in range(6)]
    return registered("diary", [row | {"split": split} if n < len(PAGES) else row for n, row in enumerate(pages)])


def added(stage: Stage, snapshot: CorpusSnapshot, *ids: str) -> None:
    mapping.matches_add(
        request=stage.request, snapshot=snapshot, example_ids=ids, reason="The diary is hers.", by=stage.staff.omar
    )


def proposed(stage: Stage, snapshot: CorpusSnapshot, *ids: str) -> Ending:
    """Omar accepted pages of a diary that no model had learned from, and proposes that the request ends so."""
    stage.request.matches.all().delete()
    added(stage, snapshot, *ids)
    return endings.closing_propose(request=stage.request, outcome="not_learned", reasons="", by=stage.staff.omar)


def ended(stage: Stage) -> CorpusSnapshot:
    """Lena approved that, too."""
    snapshot = diary()
    endings.ending_approve(ending=proposed(stage, snapshot, *PAGES), by=stage.staff.lena)
    stage.request = ErasureRequest.objects.get(pk=stage.request.pk)
    return snapshot


def test_a_later_training_leaves_out_what_no_model_had_learned(stage: Stage) -> None:
    snapshot = ended(stage)
    job = model_train(name="diarist", recipe=RECIPE, snapshot=snapshot, seed=3, actor="account:1")
    assert job.spec["exclude_ids"] == list(PAGES)


def test_a_model_that_learned_it_all_the_same_is_named_with_the_request(stage: Stage) -> None:
    model = model_version(name="diarist", snapshot=ended(stage))
    snapshots_compare()
    [back] = returns_standing()
    assert (back.version, back.example_ids, back.references) == (model, PAGES, (stage.request.reference,))


def test_the_history_says_what_entered_the_ledger_and_verifies(stage: Stage) -> None:
    ended(stage)
    history = entries_of(subject=stage.request.subject)
    [entered] = [entry.data for entry in history if entry.kind == "erasure.entered"]
    assert (entered["item"], entered["attempt"], entered["examples"]) == ("", 0, 3)
    check_course(history)
    check_agreements(Story(stage.request.reference, history), AGREEMENTS)
    assert ledger_replay(corpus="", requeue=False, actor="system").problems == []


def test_what_the_letter_says_was_so_on_its_day_and_stays_said(stage: Stage) -> None:
    model_version(name="diarist", snapshot=ended(stage))  # in use before the letter goes out
    assert message_send(message_id=stage.request.messages.latest("pk").pk)
    body = str(mail.outbox[-1].body)
    assert f"This was so on {date_format(timezone.localdate(), 'DATE_FORMAT')}, when we closed your request:" in body
    assert "3 passages that were found are in none of the training data that we have of models in use." in body
    assert "they were not in the training data of any model in use" in body


def test_an_end_that_is_repeated_after_a_restore_enters_the_same_once(stage: Stage) -> None:
    snapshot = ended(stage)
    entered = set(ErasureEntry.objects.values_list("pk", flat=True))
    contents = {snapshot: contents_of(snapshot, PAGES)}
    assert ledger_withhold(subject=stage.request.subject, contents=contents, actor="account:1") == len(PAGES)
    assert set(ErasureEntry.objects.values_list("pk", flat=True)) == entered


@pytest.mark.parametrize("rejected", [0, 1])
def test_an_end_after_a_restore_agrees_with_the_ledger_whatever_the_end_before_held(
    stage: Stage, settings: Settings, rejected: int
) -> None:
    ending = proposed(stage, diary(), *PAGES)
    with transaction.atomic():
        endings.ending_approve(ending=Ending.objects.get(pk=ending.pk), by=stage.staff.lena)
        ledger_copy()
        transaction.set_rollback(True)
    ledger_copy()  # takes back what the lost approval had entered
    settings.LEDGER_KEYS = ["ab" * 32, *settings.LEDGER_KEYS]
    endings.ending_decline(ending=Ending.objects.get(pk=ending.pk), reason="Look at them once more.", by=stage.staff.lena)
    stage.request = ErasureRequest.objects.get(pk=stage.request.pk)
    rows = stage.request.matches.order_by("pk").values_list("pk", flat=True)[:rejected]
    if rejected:
        matches_decide(request=stage.request, match_ids=rows, accept=False, by=stage.staff.omar)
    again = endings.closing_propose(request=stage.request, outcome="not_learned", reasons="", by=stage.staff.omar)
    endings.ending_approve(ending=again, by=stage.staff.lena)
    assert ledger_replay(corpus="", requeue=False, actor="system").problems == []


def test_of_a_refused_request_only_what_no_model_knew_enters_the_ledger(stage: Stage) -> None:
    stage.request.matches.filter(example_id=EXAMPLES[1]).update(example_id="e00000020", example_set="held_out")
    refused(stage)
    assert Match.objects.filter(decision="accepted").count() == 2
    assert set(ErasureEntry.objects.values_list("example_id", flat=True)) == {"e00000020"}


def test_what_was_refused_in_a_model_is_not_withheld_elsewhere_once_that_model_is_out_of_use(stage: Stage) -> None:
    copies = turned_round()
    added(stage, copies, "e00000016")  # the same words as the first match
    item = stage.reviewed()
    ending = endings.refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=stage.staff.omar)
    with unguarded("unlearning_jobs_modelversion", "model_version_is_fixed"):
        ModelVersion.objects.update(state="quarantined")
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    assert ErasureRequest.objects.get(pk=stage.request.pk).outcome == "refused"
    assert not ErasureEntry.objects.exists()


def test_an_end_waits_for_no_corpus_from_which_something_is_withheld(stage: Stage) -> None:
    snapshot = diary()
    ending = proposed(stage, snapshot, *PAGES)
    folder = project.ARTEFACTS / snapshot.path
    away = folder.rename(folder.parent / "unmounted")
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    away.rename(folder)
    job = model_train(name="diarist", recipe=RECIPE, snapshot=snapshot, seed=3, actor="account:1")
    assert job.spec["exclude_ids"] == list(PAGES)


def test_what_a_restore_brings_back_is_looked_for_in_every_set(stage: Stage, settings: Settings) -> None:
    settings.LEDGER_FILE = str(settings.ARTEFACTS / "ledger.jsonl")
    snapshot = diary("held_out")
    held_out = [one.id for one in Snapshot.open(settings.ARTEFACTS / snapshot.path).examples("held_out")]
    ending = proposed(stage, snapshot, *held_out)
    with transaction.atomic():  # the database is restored to what it was before
        endings.ending_approve(ending=Ending.objects.get(pk=ending.pk), by=stage.staff.lena)
        ledger_copy()
        transaction.set_rollback(True)
    assert ledger_copy() == len(PAGES)
    job = model_train(name="diarist", recipe=RECIPE, snapshot=snapshot, seed=3, actor="account:1")
    assert job.spec["exclude_ids"] == []
    assert list(ErasedExample.objects.values_list("in_training", flat=True)) == [False] * len(PAGES)


@pytest.mark.usefixtures("signing")
def test_what_one_officer_accepted_after_the_last_approval_is_not_withheld_before_another_has_approved(stage: Stage) -> None:
    snapshot, staff = diary(), stage.staff
    proposal = finished(started(stage.reviewed(), staff))
    searched_again(stage)
    added(stage, snapshot, *PAGES)
    completed(stage)
    decisions.item_release(proposal=proposal, by=staff.omar)
    assert ErasureRequest.objects.get(pk=stage.request.pk).state == "in_progress"
    assert not ErasureEntry.objects.filter(item="").exists()
    searched_again(stage)
    with pytest.raises(StaleStateError, match="propose to close the request"):
        completed(stage)
    draft = endings.closing_draft(request=stage.request, reasons="", by=staff.omar)
    assert (draft.outcome, draft.facts["not_learned"]) == ("not_learned", len(PAGES))
    ending = endings.closing_propose(request=stage.request, outcome="not_learned", reasons="", by=staff.omar)
    with pytest.raises(NotAllowedError):
        endings.ending_approve(ending=ending, by=staff.omar)
    preview = closing_letter(ending)
    endings.ending_approve(ending=ending, by=staff.lena)
    stage.request.refresh_from_db()
    assert preview == letter(stage.request, "outcome_completed")
    assert set(ErasureEntry.objects.filter(item="").values_list("example_id", flat=True)) == set(PAGES)
    history = entries_of(subject=stage.request.subject)
    check_course(history)
    check_agreements(Story(stage.request.reference, history), AGREEMENTS)


@pytest.mark.usefixtures("signing")
def test_what_the_approver_of_a_method_has_seen_is_withheld_with_the_release(stage: Stage) -> None:
    added(stage, diary(), *PAGES)
    decisions.item_release(proposal=finished(started(stage.reviewed(), stage.staff)), by=stage.staff.nils)
    assert ErasureRequest.objects.get(pk=stage.request.pk).outcome == "completed"
    assert ErasureEntry.objects.filter(item="").count() == len(PAGES)
