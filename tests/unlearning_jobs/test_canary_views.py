"""The page of draws: sealed, opened, and empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canaries import Engine, drawn, finding, released, train, with_canaries
from tests.factories import account
from tests.personas import Staff
from tests.web.pages import signed_in
from unlearning_jobs.models import CanaryDraw
from unlearning_jobs.services.canaries import canaries_open, opened
from unlearning_jobs.services.jobs import job_cancel

pytestmark = pytest.mark.django_db
PAGE = "/jobs/canaries/"


@pytest.mark.parametrize("role", ["officer", "engineer"])
def test_without_draws_the_page_says_how_to_make_canaries(role: str) -> None:
    page = signed_in(account(role)).get(PAGE)
    assert "No draws yet" in page.words
    assert "python -m unlearning_jobs.engine canaries make" in page.words


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_nobody_else_opens_it(role: str) -> None:
    signed_in(account(role)).get(PAGE, status=403)


def test_a_sealed_draw_shows_its_commitment_and_nothing_of_its_halves(staff: Staff, artefacts: Path) -> None:
    assert artefacts
    job = train(with_canaries())
    [draw] = CanaryDraw.objects.all()
    page = signed_in(staff.omar).get(PAGE)
    assert "Sealed The model is being trained by it." in page.words
    assert draw.commitment in page.words
    for secret in (*draw.ids, draw.secret):
        assert secret not in str(page)
        assert secret not in page.words
    seen = signed_in(staff.eva).get(f"/jobs/{job.pk}/").words
    assert "Canaries left out by the draw6" in seen
    assert "Erased examples left out" not in seen
    job_cancel(job_id=job.pk, actor="account:1")
    assert "Sealed The training did not make a model." in signed_in(staff.omar).get(PAGE).words


def test_an_opened_draw_says_in_words_what_was_found_and_what_it_does_not_say(staff: Staff, artefacts: Path) -> None:
    assert artefacts
    version, draw = drawn(with_canaries())
    found = finding(version, released(version, draw), control=2.0)
    canaries_open(model="keeper", judge=Engine(found), actor="account:7")
    site = signed_in(staff.omar)
    words = site.get(PAGE).words
    assert "Nothing found The canaries that were erased cannot be told from those that the model never saw." in words
    assert "keeper v2 was judged on" in words
    assert "Of 6 canaries that the model learned, 0 were not erased." in words
    assert "in 50 % of pairs (p = 0.7000)" in words
    assert "A remainder below 20 % of what the original shows could have been missed." in words
    assert "They say nothing about the data of anybody who asked" in words
    assert "passed" not in words.lower()
    models = signed_in(staff.eva).get("/jobs/models/").words
    assert "Trained without" not in models, "nothing that was erased was left out"
    assert len(opened(draw).left_out) == 6
