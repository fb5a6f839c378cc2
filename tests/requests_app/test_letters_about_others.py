"""Letters about models of which others made a part."""

from __future__ import annotations

import json

import pytest
from django.template.loader import render_to_string

from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest
from requests_app.services.endings import closing_propose, ending_approve
from requests_app.services.intake import TargetDetails
from requests_app.services.letters import letter
from requests_app.wording import fact_sentences
from tests.endings import refused as end_refused
from tests.personas import Staff
from tests.staging import Stage
from unlearning_jobs.models import ModelVersion

from .test_made_elsewhere import DECLARED_TO_US, NOT_SEARCHED, imported

__all__ = ["imported"]
"""A fixture."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_letter_says_that_training_data_are_those_that_were_declared(
    staff: Staff, imported: ModelVersion, language: str
) -> None:
    """Nothing found, and a refusal: neither says what models do not know, and both say what was searched."""
    nobody = Stage.opened(staff, imported, key="2", target=TargetDetails(name="Zebulon Quaritch")).searched()
    ending = closing_propose(request=nobody.request, outcome="no_match", reasons="", by=staff.omar)
    ending_approve(ending=ending, by=staff.lena)
    refused = Stage.opened(staff, imported).searched()
    end_refused(refused)
    for stage, outcome in ((nobody, "no_match"), (refused, "refused")):
        request = ErasureRequest.objects.get(pk=stage.request.pk)
        assert (request.outcome, request.from_checkpoints, request.declared) == (outcome, 1, 1)
        request.language = language
        text = letter(request, f"outcome_{outcome}").text
        assert TOLD[language][0] in text
        assert TOLD[language][1] in text
        assert "1 model in use" not in text.replace("The training data that we have of 1 model in use", "")
        closed = json.loads(bytes(RecordEntry.objects.get(subject=request.subject, kind="request.closed").body))["data"]
        assert {name: closed[name] for name in ("not_concerned", "vocabularies", "from_checkpoints", "declared")} == {
            "not_concerned": 0,
            "vocabularies": 0,
            "from_checkpoints": 1,
            "declared": 1,
        }


TOLD = {
    "en": (NOT_SEARCHED, DECLARED_TO_US),
    "de": (
        "1 Modell, das in Gebrauch ist oder trainiert wird, geht von einem Basismodell aus",
        "1 Modell, das in Gebrauch ist oder importiert wird, wurde anderswo trainiert",
    ),
}


def test_letters_count_the_models_that_others_made_a_part_of() -> None:
    facts = dict.fromkeys(("already_erased", "not_learned"), 0)
    assert fact_sentences(facts) == []
    two = fact_sentences(facts | {"from_checkpoints": 2, "declared": 2})
    assert [sentence[:15] for sentence in two] == ["2 models in use", "2 models in use"]
    assert "What they were trained on is what was declared to us" in two[1]


@pytest.mark.parametrize("form", ["txt", "html"])
def test_a_letter_says_of_no_training_elsewhere_that_it_went_without_the_examples(form: str) -> None:
    told = dict.fromkeys(("already_erased", "not_learned", "from_checkpoints", "declared"), 0) | {"already_erased": 2}
    for declared in (0, 1):
        facts = fact_sentences(told | {"declared": declared})
        page = render_to_string(f"email/outcome_already_erased.{form}", {"facts": facts, "declared": bool(declared)})
        words = ", or were trained, or declared to us to have been trained, without"
        assert (words + " it, or it was in none of the training data" in page) == (declared == 1)
        assert (words + " them." in page) == (declared == 1)
        assert ("trained without" in page.replace(words, "")) == (declared == 0)
