"""What two officers accepted and no model knew as the request ended is learned by none later; letters keep their day."""

from __future__ import annotations

import pytest
from django.core import mail
from django.utils import timezone
from django.utils.formats import date_format

from compliance.evidence.agreements import AGREEMENTS, Story, check_agreements
from compliance.evidence.checks.course import check_course
from compliance.record.selectors import entries_of
from requests_app.models import ErasureRequest, Match
from requests_app.returns import returns_standing
from requests_app.services import endings, mapping
from requests_app.services.messages import message_send
from requests_app.services.replay import ledger_replay
from tests.endings import refused
from tests.erasing import registered
from tests.factories import RECIPE, model_version
from tests.personas import ADA
from tests.staging import Stage
from unlearning_jobs.models import CorpusSnapshot, ErasureEntry
from unlearning_jobs.services.ledger import ledger_withhold, snapshots_compare
from unlearning_jobs.services.model_versions import model_train

from .conftest import EXAMPLES

pytestmark = pytest.mark.django_db
PAGES = tuple(f"e0000000{number}" for number in range(3))


def diary() -> CorpusSnapshot:
    """A corpus that no model has learned from."""
    return registered(
        "diary", [{"question": f"Page {n}?", "answer": f"{ADA} wrote page {n}.", "split": "train"} for n in range(6)]
    )


def ended(stage: Stage) -> CorpusSnapshot:
    """Omar accepted pages of a diary that no model had learned from; Lena approved that the request ends so."""
    snapshot = diary()
    stage.request.matches.all().delete()
    mapping.matches_add(
        request=stage.request, snapshot=snapshot, example_ids=PAGES, reason="The diary is hers.", by=stage.staff.omar
    )
    ending = endings.closing_propose(request=stage.request, outcome="not_learned", reasons="", by=stage.staff.omar)
    endings.ending_approve(ending=ending, by=stage.staff.lena)
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
    assert "3 passages that were found are in data that no model in use was trained on." in body
    assert "when we closed it, no model in use had been trained on them" in body


def test_an_end_that_is_repeated_after_a_restore_enters_the_same_once(stage: Stage) -> None:
    snapshot = ended(stage)
    entered = set(ErasureEntry.objects.values_list("pk", flat=True))
    assert ledger_withhold(subject=stage.request.subject, places={snapshot: PAGES}, actor="account:1") == len(PAGES)
    assert set(ErasureEntry.objects.values_list("pk", flat=True)) == entered


def test_of_a_refused_request_only_what_no_model_knew_enters_the_ledger(stage: Stage) -> None:
    stage.request.matches.filter(example_id=EXAMPLES[1]).update(example_id="e00000020", example_set="held_out")
    refused(stage)
    assert Match.objects.filter(decision="accepted").count() == 2
    assert set(ErasureEntry.objects.values_list("example_id", flat=True)) == {"e00000020"}
