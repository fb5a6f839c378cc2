"""The letter about what was done says what the guarantee of each method allows, and no more."""

from __future__ import annotations

import pytest

from requests_app.services import decisions
from requests_app.services.letters import letter
from requests_app.wording import DECLARED, done_sentences
from tests.staging import Stage


@pytest.mark.parametrize(
    ("guarantee", "says"),
    [
        ("exact", "such as its training gives without what we agreed to remove"),
        (DECLARED, "trained by the recipe that they declared, without what we agreed to remove"),
        ("certified", "mathematical proof"),
        ("empirical", "nothing but these measurements"),
    ],
)
def test_each_guarantee_has_its_own_sentence(guarantee: str, says: str) -> None:
    [sentence] = done_sentences({guarantee: 1})
    assert sentence.startswith(("1 model ", "For 1 model"))
    assert says in sentence


def test_several_models_are_counted_by_guarantee() -> None:
    assert [sentence[:8] for sentence in done_sentences({"exact": 2, "empirical": 1})] == ["2 models", "1 model "]
    assert done_sentences({}) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("signing")
def test_a_measured_release_is_not_called_a_removal(stage: Stage) -> None:
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    text = letter(stage.request, "outcome_completed").text
    assert "nothing but these measurements shows" in text
    for word in ("retrained", "could not be told apart", "has been removed", "never learned"):
        assert word not in text
