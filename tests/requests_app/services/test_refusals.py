"""Refusals: a ground, sentences, a letter that says what was previewed, and a way back."""

from __future__ import annotations

import pytest

from compliance.record.errors import StaleStateError
from requests_app.models import Ending, Item
from requests_app.services.endings import ending_approve, ending_decline, refusal_draft, refusal_propose
from requests_app.services.letters import closing_letter
from requests_app.states import ItemState
from tests.endings import REASONS, assert_sent_as_previewed, refusal_proposed, refused
from tests.staging import Stage

pytestmark = pytest.mark.django_db


def test_the_letter_of_a_refusal_is_the_one_that_was_previewed(stage: Stage) -> None:
    item = stage.reviewed()
    draft = refusal_draft(item=item, ground="17_3_e", reasons=REASONS, by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, refusal_proposed(stage, item))
    assert f"Art. 17(3)(e): legal claims\n{REASONS}" in body


def test_the_letter_of_the_last_refusal_has_every_ground_and_reason(stage: Stage) -> None:
    first = stage.reviewed()
    items = [first, *(another_item(first, number) for number in (2, 3))]
    for number, item in enumerate(items[:2], start=1):
        refused(stage, item, f"{REASONS} This is reason number {number}.")
    last = f"{REASONS} This is reason number 3."
    draft = refusal_draft(item=items[2], ground="17_3_a", reasons=last, by=stage.staff.omar)
    ending = refusal_propose(item=items[2], ground="17_3_a", reasons=last, by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, ending)
    assert [body.count(f"number {number}.") for number in (1, 2, 3)] == [1, 1, 1]
    assert "Art. 17(3)(a): freedom of expression and information" in body


def test_a_refusal_that_leaves_the_request_open_sends_and_previews_nothing(stage: Stage) -> None:
    item = stage.reviewed()
    another_item(item, 2)
    draft = refusal_draft(item=item, ground="17_3_e", reasons=REASONS, by=stage.staff.omar)
    assert closing_letter(draft) is None
    refused(stage, item)
    assert not stage.request.messages.filter(template="outcome_refused").exists()


def another_item(item: Item, number: int) -> Item:
    return Item.objects.create(
        request=item.request,
        number=number,
        model_name=f"other-{number}",
        snapshot=item.snapshot,
        example_ids=item.example_ids,
    )


@pytest.mark.parametrize("reasons", ["", "no", "No. " * 20, "We will not."])
def test_a_refusal_needs_sentences_and_a_ground_that_refuses(stage: Stage, reasons: str) -> None:
    item = stage.reviewed()
    with pytest.raises(StaleStateError, match="whole sentence"):
        refusal_propose(item=item, ground="17_3_a", reasons=reasons, by=stage.staff.omar)
    with pytest.raises(StaleStateError, match="ground"):
        refusal_propose(item=item, ground="17_1_a", reasons=REASONS, by=stage.staff.omar)
    assert stage.item.state == ItemState.DECIDING


def test_a_granted_item_can_still_be_refused_and_is_granted_again_if_that_is_declined(stage: Stage) -> None:
    ending = refusal_proposed(stage, stage.granted())
    ending_decline(ending=ending, reason="The case is over.", by=stage.staff.lena)

    assert (stage.item.state, stage.item.ground) == (ItemState.GRANTED, "17_1_b")


def test_a_declined_refusal_keeps_why_and_goes_back(stage: Stage) -> None:
    ending = refusal_proposed(stage)
    with pytest.raises(StaleStateError, match="Say why"):
        ending_decline(ending=ending, reason="no", by=stage.staff.lena)
    ending = ending_decline(ending=ending, reason="The case is over.", by=stage.staff.lena)

    assert (stage.item.state, stage.item.ground) == (ItemState.DECIDING, "")
    assert Ending.objects.get(pk=ending.pk).decline_reason == "The case is over."
    with pytest.raises(StaleStateError, match="no longer waits"):
        ending_approve(ending=ending, by=stage.staff.lena)
