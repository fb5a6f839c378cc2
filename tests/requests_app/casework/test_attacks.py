"""Asking for attacks when a method is proposed, and seeing them when it is approved."""

from __future__ import annotations

import pytest

from requests_app.models import Proposal
from requests_app.services import decisions
from tests.staging import Stage
from tests.web.pages import Page, Site, text_of
from unlearning_jobs.engine.catalogue import ATTACKS, RELEARNING_STEPS
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import CorpusSnapshot, Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def choose(stage: Stage) -> str:
    stage.searched().granted()
    return f"/cases/{stage.request.reference}/items/1/propose/"


def offered(page: Page) -> dict[str, bool]:
    """Whether each attack that can be carried out is chosen already."""
    return {str(box.get("value")): box.get("checked") is not None for box in page.all("input", name="attacks")}


def proposed() -> Protocol:
    return Protocol.from_json(Proposal.objects.get().protocol)


def test_the_cheap_attacks_are_chosen_already_and_each_says_what_it_does_and_costs(omar: Site, choose: str) -> None:
    page = omar.get(choose)
    assert offered(page) == {
        "difference": True,
        "quantized_4": True,
        "quantized_8": False,
        "prefix": True,
        "hinted": False,
        "conversation": False,
        "relearning": False,
    }
    for name in offered(page):
        assert f"{ATTACKS[name].title} {ATTACKS[name].description}" in page.words
    assert f"{ATTACKS['prefix'].description} It takes no further computation." in page.words
    assert f"{ATTACKS['quantized_4'].description} It adds about" in page.words


def test_the_others_say_why_they_cannot_be_carried_out(omar: Site, choose: str) -> None:
    others = text_of(omar.get(choose).one("details", class_="impossible-attacks"))
    assert "3 attacks that cannot be carried out here, and why" in others
    assert "no question to forget in other words" in others
    assert "have no layer before the last one" in others
    assert "and there are 4 and 8" in others


def test_without_held_out_examples_nothing_is_compared_with_them(omar: Site, choose: str) -> None:
    CorpusSnapshot.objects.update(counts={"train": 20})
    assert "difference" not in offered(omar.get(choose))


def test_a_proposal_asks_for_what_is_chosen_and_the_second_officer_sees_it_before_approving(
    stage: Stage, omar: Site, lena: Site, choose: str
) -> None:
    page = omar.submit(omar.get(choose), {"method": "retrain"})
    assert (proposed().attacks, proposed().relearning) == (("difference", "quantized_4", "prefix"), 0)
    titles = [ATTACKS[name].title for name in proposed().attacks]
    review = lena.get(f"{choose.removesuffix('propose/')}proposals/1/")
    for shown in (page, review):
        assert f"Attacks, reported but not judged{''.join(titles)}" in shown.words
        assert "Probability after rounding to 4 bits" not in shown.words, "no metric of its own"
    decisions.proposal_approve(proposal=Proposal.objects.get(), by=stage.staff.lena)
    assert Protocol.from_json(Job.objects.get().spec["protocol"]).attacks == ("difference", "quantized_4", "prefix")


def test_relearning_is_asked_for_with_its_steps(omar: Site, choose: str) -> None:
    omar.submit(omar.get(choose), {"method": "retrain", "attacks": ["relearning", "hinted"]})
    assert (proposed().attacks, proposed().relearning) == (("hinted",), RELEARNING_STEPS)


def test_nobody_has_to_ask_for_an_attack(omar: Site, lena: Site, choose: str) -> None:
    omar.submit(omar.get(choose), {"method": "retrain", "attacks": []})
    assert proposed().all_attacks == ()
    assert "Attacks, reported but not judgednone" in lena.get(f"{choose.removesuffix('propose/')}proposals/1/").words


def test_an_attack_that_cannot_be_carried_out_is_an_error_and_the_choice_is_kept(omar: Site, choose: str) -> None:
    page = omar.submit(omar.get(choose), {"method": "retrain", "attacks": ["lens", "hinted"]}, status=422)
    assert "One of these attacks cannot be carried out here." in page.words
    assert offered(page)["hinted"]
    assert not offered(page)["prefix"]
    assert not Proposal.objects.exists()


def test_the_service_refuses_it_as_well(stage: Stage, choose: str) -> None:  # noqa: ARG001  # the item waits for a method
    protocol = Protocol((), (21, 22, 23, 24), attacks=("probe",))
    with pytest.raises(SpecError, match="A probe needs 10 examples"):
        decisions.proposal_submit(
            item=stage.item, method=MethodChoice("retrain", {}), protocol=protocol, by=stage.staff.omar
        )
