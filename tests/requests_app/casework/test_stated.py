"""Whoever presses a button confirms what the page stated; if that has changed, the page is shown again and says what."""

from __future__ import annotations

import pytest

from requests_app.models import ErasureRequest, Item
from requests_app.services import decisions, mapping, matches
from requests_app.services.endings import ending_approve
from tests.endings import REASONS, refusal_proposed
from tests.erasing import turned_round
from tests.factories import unlearning_job
from tests.personas import Staff
from tests.staging import Stage, erased_elsewhere, job_completed, trained, unguarded
from tests.web.pages import Site
from unlearning_jobs.models import Job, ModelVersion

pytestmark = pytest.mark.django_db


def address(stage: Stage, rest: str) -> str:
    return f"/cases/{stage.request.reference}/{rest}"


def decide(stage: Stage, *, accept: bool, by: str = "omar") -> None:
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches.matches_decide(request=stage.request, match_ids=ids, accept=accept, by=getattr(stage.staff, by))


def test_a_review_is_not_finished_over_matches_that_changed_since_the_page_was_shown(stage: Stage, omar: Site) -> None:
    decide(stage.searched(), accept=True)
    path = address(stage, "matches/complete/")
    page = omar.get(path)
    first, *rest = stage.request.matches.values_list("pk", flat=True)
    matches.matches_decide(request=stage.request, match_ids=rest, accept=False, by=stage.staff.nils)
    again = omar.submit(page, action=path, status=409)
    assert "something has changed: the items, the matches." in again.words
    assert "1 example was accepted." in again.words
    assert not stage.request.items.exists()
    omar.submit(again, action=path)
    assert stage.request.matches.get(pk=first).example_id in stage.item.example_ids


def test_a_press_that_states_nothing_confirms_nothing(stage: Stage, omar: Site) -> None:
    decide(stage.searched(), accept=True)
    path = address(stage, "matches/complete/")
    assert "Since this page was shown" in omar.submit(omar.get(path), {"stated": None}, action=path, status=409).words


@pytest.mark.usefixtures("signing")
def test_an_end_is_not_approved_with_a_letter_that_nobody_saw(stage: Stage, staff: Staff, lena: Site) -> None:
    trained(turned_round(), "second")
    decide(stage.searched(), accept=True)
    stage.request = mapping.review_complete(request=stage.request, by=staff.omar)
    keeper, other = stage.request.items.select_related("request").order_by("model_name")
    refusal_proposed(stage, other)
    path = address(stage, "endings/1/")
    page = lena.get(path)
    assert "The request stays open until its other items, and copies if there are any, are settled." in page.words
    refusal_of_the_last(stage, keeper.pk)
    again = lena.submit(page, {"decision": "approve"}, action=path, status=409)
    assert "something has changed: the letter." in again.words
    assert ErasureRequest.objects.get(pk=stage.request.pk).outcome == ""


def refusal_of_the_last(stage: Stage, pk: int) -> None:
    """The other item is settled meanwhile."""
    ending = refusal_proposed(stage, Item.objects.select_related("request").get(pk=pk))
    ending_approve(ending=ending, by=stage.staff.nils)


def test_an_item_is_not_ended_otherwise_than_was_shown(stage: Stage, omar: Site) -> None:
    item = stage.searched().granted()
    erased_elsewhere(stage.model, *item.example_ids)
    path = address(stage, "items/1/lapse/")
    page = omar.get(path)
    ModelVersion.objects.update(state="quarantined")
    assert "something has changed: how it ends" in omar.submit(page, action=path, status=409).words
    assert not stage.request.endings.exists()


def test_a_method_is_not_approved_for_other_examples_than_were_shown(stage: Stage, lena: Site) -> None:
    stage.searched().proposed()
    path = address(stage, "items/1/proposals/1/")
    page = lena.get(path)
    erased_elsewhere(stage.model, stage.item.example_ids[0])
    again = lena.submit(page, {"decision": "approve"}, action=path, status=409)
    assert "something has changed: the examples" in again.words
    assert not Job.objects.exists()


def test_who_approves_a_method_or_an_end_sees_what_is_accepted_beside_the_items(
    stage: Stage, lena: Site, omar: Site
) -> None:
    item = stage.searched().reviewed()
    stage.request.matches.filter(pk=stage.request.matches.latest("pk").pk).update(example_id="e00000020")  # held out
    with unguarded("requests_app_item", "item_check_correction"):
        Item.objects.filter(pk=item.pk).update(example_ids=item.example_ids[:3])
    refusal_proposed(stage, stage.item)
    path = address(stage, "endings/1/")
    page = lena.get(path)
    assert "1 accepted example is in no open or decided item." in page.words
    assert "e00000020" in page.words
    stage.request.matches.filter(example_id="e00000020").update(decision="rejected")
    again = lena.submit(page, {"decision": "approve"}, action=path, status=409)
    assert "something has changed: the accepted examples beside the items" in again.words
    assert "beside the items" not in omar.get(path).words


def test_an_item_is_not_granted_for_other_examples_than_were_shown(stage: Stage, omar: Site) -> None:
    item = stage.searched().reviewed()
    path = address(stage, "items/1/decide/")
    page = omar.submit(omar.get(path), {"decision": "grant", "grant_ground": "17_1_b"}, action=path)
    stage.request.matches.filter(example_id=item.example_ids[0]).update(decision="rejected")
    again = omar.submit(page, action=path, status=409)
    assert "something has changed: the examples." in again.words
    assert stage.item.state == "deciding"


def test_a_refusal_is_not_proposed_for_other_examples_than_were_shown(stage: Stage, omar: Site) -> None:
    item = stage.searched().reviewed()
    path = address(stage, "items/1/decide/")
    said = {"decision": "refuse", "refuse_ground": "17_3_e", "reasons": REASONS}
    page = omar.submit(omar.get(path), said, action=path)
    with unguarded("requests_app_item", "item_check_correction"):
        Item.objects.filter(pk=item.pk).update(example_ids=item.example_ids[:1])
    assert "something has changed: the examples, the letter." in omar.submit(page, action=path, status=409).words
    assert not stage.request.endings.exists()


def test_a_method_is_not_proposed_for_another_evaluation_than_was_shown(stage: Stage, omar: Site) -> None:
    stage.searched().granted()
    path = address(stage, "items/1/propose/")
    page = omar.get(path)
    saved = {"saved_by_pairs": 40.0, "spread": 0.1}
    job = job_completed(unlearning_job(base=stage.model))
    Job.objects.filter(pk=job.pk).update(model_name=stage.model.name, costs=job.costs | {"precision": saved})
    again = omar.submit(page, {"method": "npo"}, action=path, status=409)
    assert "something has changed: the method." in again.words
    assert not stage.item.proposals.exists()


def test_a_proposal_is_not_declined_over_matches_that_changed(stage: Stage, lena: Site) -> None:
    stage.searched().proposed()
    path = address(stage, "items/1/proposals/1/")
    page = lena.get(path)
    erased_elsewhere(stage.model, stage.item.example_ids[0])
    hidden = {name: str(page.all("input", name=name)[0].get("value")) for name in ("csrfmiddlewaretoken", "stated")}
    said = {"decision": "decline", "reason": "Far too few oracles for four examples."} | hidden
    assert lena.client.post(path, said).status_code == 409
    assert stage.item.state == "awaiting_approval"


def test_who_would_leave_nobody_to_approve_reads_it_where_matches_are_decided(stage: Stage, omar: Site) -> None:
    stage.searched()
    assert "no officer is left who may approve" not in omar.get(address(stage, "matches/")).words
    decide(stage, accept=True, by="lena")
    decide(stage, accept=True, by="nils")
    warned = "no officer is left who may approve"
    assert warned in omar.get(address(stage, "matches/")).words
    assert warned in omar.get(address(stage, "matches/complete/")).words
    mapping.review_complete(request=stage.request, by=stage.staff.omar)
    decisions.item_grant(item=stage.item, ground="17_1_b", reasons="", by=stage.staff.omar)
    assert warned in omar.get(address(stage, "items/1/propose/")).words


def test_a_review_in_which_everything_was_rejected_was_a_review(stage: Stage, omar: Site) -> None:
    decide(stage.searched(), accept=False)
    page = omar.get(address(stage, "close/"))
    omar.submit(page, action=address(stage, "close/"))
    assert "not needed" not in omar.get(address(stage, "")).words
