"""What a letter says of a model that two items of a request are about."""

from __future__ import annotations

import pytest

from requests_app.models import Item
from requests_app.services import matches
from requests_app.services.letters import letter
from requests_app.states import RequestState
from tests.personas import Staff
from tests.staging import Stage, corpus, trained

from .test_closings import RETRAIN, accept, ended_without_influence, released, reviewed, searched_again, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]


def two_items_of_one_model(staff: Staff) -> tuple[Stage, Item, Item]:
    stage = Stage.opened(staff, trained(corpus())).searched()
    first, *rest = stage.request.matches.values_list("pk", flat=True)
    accept(stage, first)
    matches.matches_decide(request=stage.request, match_ids=rest, accept=False, by=staff.omar)
    reviewed(stage)
    searched_again(stage)
    accept(stage, *rest)
    one, two = reviewed(stage)
    return stage, one, two


def test_a_letter_counts_models_by_their_last_release(staff: Staff) -> None:
    stage, one, two = two_items_of_one_model(staff)
    released(one, staff)
    released(two, staff, RETRAIN)
    text = letter(stage.request, "outcome_completed").text
    assert "1 model was replaced by one such as its training gives without what we agreed to remove." in text
    assert "measurements placed" not in text


def test_a_letter_does_not_say_that_a_model_was_not_changed_and_was_replaced(staff: Staff) -> None:
    stage, one, two = two_items_of_one_model(staff)
    ended_without_influence(one, staff)
    released(two, staff, RETRAIN)
    assert state_of(stage) == (RequestState.IN_PROGRESS, ""), "nobody has measured anything about the model in use now"
    searched_again(stage)
    again = reviewed(stage)[-1]
    assert again.pk not in {one.pk, two.pk}
    assert again.example_ids == one.example_ids
    ended_without_influence(again, staff)
    assert state_of(stage) == (RequestState.CLOSED, "completed")
    text = letter(stage.request, "outcome_completed").text
    assert "1 model was replaced" in text
    assert "We have left it in that model." in text
    assert "not changed" not in text
