"""Ends without unlearning: what the facts allow, two officers, and a letter that says what was previewed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import Ending, ErasureRequest
from requests_app.services.endings import (
    closing_draft,
    closing_propose,
    ending_approve,
    ending_decline,
    lapse_draft,
    lapse_propose,
    refusal_propose,
)
from requests_app.services.letters import closing_letter
from requests_app.services.mapping import review_complete
from requests_app.services.matches import matches_decide
from requests_app.services.messages import message_queue
from requests_app.services.requests import request_close
from requests_app.services.search_orders import request_search_again
from requests_app.states import ItemState, RequestOutcome, RequestState
from tests.endings import REASONS, assert_sent_as_previewed, refusal_proposed
from tests.factories import account
from tests.staging import Stage, erased_elsewhere
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

from .conftest import EXAMPLES, searched

pytestmark = pytest.mark.django_db
WHY = "The name is one word, and nobody could tell us more than that."


def decide_all(stage: Stage, *, accept: bool) -> None:
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches_decide(request=stage.request, match_ids=ids, accept=accept, by=stage.staff.omar)


def held_out(stage: Stage) -> None:
    """The matches are in examples that no model is trained on."""
    for match, example_id in zip(stage.request.matches.order_by("pk"), ("e00000020", "e00000021"), strict=True):
        match.example_id, match.example_set = example_id, "held_out"
        match.save()


def propose(stage: Stage, outcome: str, reasons: str = "") -> Ending:
    return closing_propose(request=stage.request, outcome=outcome, reasons=reasons, by=stage.staff.omar)


def outcome_of(stage: Stage) -> tuple[str, str]:
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    return request.state, request.outcome


# -- nothing found


def test_nothing_found_needs_a_complete_search_and_a_second_officer(stage: Stage) -> None:
    decide_all(stage, accept=False)
    ending = propose(stage, "no_match")
    assert outcome_of(stage) == (RequestState.CLOSING, "")
    assert not stage.request.messages.filter(template="outcome_no_match").exists()
    ending_approve(ending=ending, by=stage.staff.lena)

    assert outcome_of(stage) == (RequestState.CLOSED, RequestOutcome.NO_MATCH)


def test_the_letter_about_nothing_found_is_the_one_that_was_previewed(stage: Stage) -> None:
    decide_all(stage, accept=False)
    draft = closing_draft(request=stage.request, reasons="", by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, propose(stage, "no_match"))
    assert "The training data that we have of 1 model in use was searched" in body


@pytest.mark.parametrize("obstacle", ["single_word", "script_without_spaces"])
def test_a_search_that_was_not_possible_is_never_called_nothing_found(stage: Stage, obstacle: str) -> None:
    stage.request.matches.all().delete()
    request_search_again(request=stage.request, by=stage.staff.omar)
    stage.request.refresh_from_db()
    searched(stage.request, stage.model, obstacle=obstacle)

    with pytest.raises(StaleStateError, match="facts have changed"):
        propose(stage, "no_match")
    draft = closing_draft(request=stage.request, reasons=WHY, by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, propose(stage, "not_searched", WHY))
    assert "The search could not look for the name: it is" in body
    assert WHY in body
    assert "found nothing" not in body


def test_without_an_active_model_nothing_was_searched_and_the_letter_says_so(stage: Stage) -> None:
    stage.request.matches.all().delete()
    ModelVersion.objects.update(state=ModelState.QUARANTINED)
    request_search_again(request=stage.request, by=stage.staff.omar)
    stage.request.refresh_from_db()
    searched(stage.request)

    draft = closing_draft(request=stage.request, reasons=WHY, by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, propose(stage, "not_searched", WHY))
    assert "Nothing could be searched." in body
    assert "No model was in use" in body


def test_closing_without_a_search_needs_an_explanation(stage: Stage) -> None:
    stage.request.matches.all().delete()
    request_search_again(request=stage.request, by=stage.staff.omar)
    stage.request.refresh_from_db()
    searched(stage.request, stage.model, obstacle="single_word")
    with pytest.raises(StaleStateError, match="whole sentence"):
        propose(stage, "not_searched", "no")


def test_a_request_that_was_searched_before_searches_were_kept_is_not_called_nothing_found(stage: Stage) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE requests_app_search DISABLE TRIGGER search_is_fixed")
        stage.request.searches.all().delete()
        cursor.execute("ALTER TABLE requests_app_search ENABLE ALWAYS TRIGGER search_is_fixed")
    decide_all(stage, accept=False)
    draft = closing_draft(request=stage.request, reasons=WHY, by=stage.staff.omar)
    assert draft.outcome == RequestOutcome.NOT_SEARCHED
    letter = closing_letter(draft)
    assert letter is not None
    assert "What was searched was not kept." in letter.text


def test_a_second_press_of_finish_the_review_ends_nothing(stage: Stage) -> None:
    stage.reviewed()
    entries = RecordEntry.objects.count()
    with pytest.raises(StaleStateError):
        review_complete(request=stage.request, by=stage.staff.omar)

    assert outcome_of(stage) == (RequestState.IN_PROGRESS, "")
    assert RecordEntry.objects.count() == entries


def test_no_outcome_is_mailed_to_an_address_that_was_never_confirmed(stage: Stage) -> None:
    stranger = Stage.opened(stage.staff, stage.model, key="k2").request
    with pytest.raises(StaleStateError, match="not confirmed"):
        message_queue(request=stranger, template="outcome_no_match")
    with pytest.raises(StaleStateError, match="not confirmed"), transaction.atomic():
        request_close(request=stranger, outcome=RequestOutcome.UNCONFIRMED, actor="system", template="outcome_not_learned")
    assert [message.template for message in stranger.messages.all()] == ["confirm_address"]


# -- already erased, or never learned


def test_what_was_already_erased_is_an_outcome_of_its_own(stage: Stage) -> None:
    decide_all(stage, accept=True)
    erased_elsewhere(stage.model, *EXAMPLES)
    with pytest.raises(StaleStateError, match="No model in use knows"):
        review_complete(request=stage.request, by=stage.staff.omar)
    draft = closing_draft(request=stage.request, reasons="", by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, propose(stage, "already_erased"))
    assert "2 passages that were found were on our list of what models must not learn" in body
    assert outcome_of(stage) == (RequestState.CLOSED, RequestOutcome.ALREADY_ERASED)


def test_accepted_held_out_examples_lead_to_no_item(stage: Stage) -> None:
    held_out(stage)
    decide_all(stage, accept=True)
    with pytest.raises(StaleStateError, match="No model in use knows"):
        review_complete(request=stage.request, by=stage.staff.omar)
    draft = closing_draft(request=stage.request, reasons="", by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, propose(stage, "not_learned"))
    assert "2 passages that were found are in none of the training data that we have of models in use" in body


def test_an_item_whose_examples_another_request_had_erased_lapses(stage: Stage) -> None:
    item = stage.granted()
    with pytest.raises(StaleStateError, match="still knows"):
        lapse_propose(item=item, by=stage.staff.omar)
    erased_elsewhere(stage.model, *EXAMPLES)
    draft = lapse_draft(item=item, by=stage.staff.omar)
    assert_sent_as_previewed(stage, draft, lapse_propose(item=item, by=stage.staff.omar))

    assert stage.item.state == ItemState.LAPSED
    assert outcome_of(stage) == (RequestState.CLOSED, RequestOutcome.ALREADY_ERASED)


def test_an_end_whose_facts_have_changed_cannot_be_approved(stage: Stage) -> None:
    decide_all(stage, accept=True)
    erased_elsewhere(stage.model, *EXAMPLES)
    ending = propose(stage, "already_erased")
    erased_elsewhere(stage.model)  # the version that erased them was rolled back
    with pytest.raises(StaleStateError, match="facts have changed"):
        ending_approve(ending=ending, by=stage.staff.lena)
    ending_decline(ending=ending, reason="They are known again.", by=stage.staff.lena)

    assert outcome_of(stage) == (RequestState.REVIEW, "")


# -- after an approval


def test_an_item_whose_attempt_failed_can_still_be_refused(stage: Stage) -> None:
    stage.evaluated("failed")
    ending_approve(ending=refusal_proposed(stage, stage.item), by=stage.staff.lena)
    assert (stage.item.state, stage.item.ground) == (ItemState.REFUSED, "17_3_e")


def test_no_item_ends_while_its_request_is_searched_and_reviewed_again(stage: Stage) -> None:
    item = stage.granted()
    erased_elsewhere(stage.model, *EXAMPLES)
    ending = lapse_propose(item=item, by=stage.staff.omar)
    request_search_again(request=stage.request, by=stage.staff.omar)
    with pytest.raises(StaleStateError, match="You cannot do this while the request is"):
        ending_approve(ending=ending, by=stage.staff.lena)
    assert stage.item.state == ItemState.ENDING


# -- two officers


def test_nobody_approves_their_own_refusal(stage: Stage) -> None:
    ending = refusal_proposed(stage)
    with pytest.raises(NotAllowedError, match="proposed this yourself"):
        ending_approve(ending=ending, by=stage.staff.omar)
    assert stage.item.state == ItemState.ENDING


def test_whoever_rejected_a_match_does_not_approve_that_nothing_was_found(stage: Stage) -> None:
    first, second = stage.request.matches.values_list("pk", flat=True)
    matches_decide(request=stage.request, match_ids=[first], accept=False, by=stage.staff.lena)
    matches_decide(request=stage.request, match_ids=[second], accept=False, by=stage.staff.omar)
    with pytest.raises(NotAllowedError, match="reviewed the matches"):
        ending_approve(ending=propose(stage, "no_match"), by=stage.staff.lena)


@pytest.mark.parametrize("role", ["engineer", "auditor", "administrator"])
def test_other_roles_end_nothing(stage: Stage, role: str) -> None:
    ending = refusal_proposed(stage)
    acts: list[Callable[[Account], object]] = [
        lambda by: refusal_propose(item=stage.item, ground="17_3_e", reasons=REASONS, by=by),
        lambda by: lapse_propose(item=stage.item, by=by),
        lambda by: closing_propose(request=stage.request, outcome="no_match", reasons="", by=by),
        lambda by: ending_approve(ending=ending, by=by),
        lambda by: ending_decline(ending=ending, reason="The case is over.", by=by),
    ]
    for act in acts:
        with pytest.raises(NotAllowedError):
            act(account(role))


def test_whoever_rejected_does_not_approve_after_somebody_rejected_again(stage: Stage) -> None:
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches_decide(request=stage.request, match_ids=ids, accept=False, by=stage.staff.lena)
    matches_decide(request=stage.request, match_ids=ids, accept=False, by=stage.staff.omar)
    with pytest.raises(NotAllowedError, match="You reviewed the matches"):
        ending_approve(ending=propose(stage, "no_match"), by=stage.staff.lena)
