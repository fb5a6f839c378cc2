"""The pages on which officers erase documents from a data store."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from requests_app.models import StoreErasure
from tests.personas import ADA, ADA_EMAIL, client_of
from tests.requests_app.services.erasing_stores import ended, letters, listed, now, worked
from tests.staging import Stage
from tests.web.pages import signed_in
from unlearning_jobs.services.stores import store_retire

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(stage: Stage) -> Stage:
    return stage.searched()


def address(case: Stage, page: str = "stores/1/") -> str:
    return f"/cases/{case.request.reference}/{page}"


def test_the_form_proposes_what_the_claimant_asked_for(case: Stage, tmp_path: Path) -> None:
    letters(tmp_path)
    words = signed_in(case.staff.omar).get(address(case, "stores/new/")).words
    assert ADA in words
    assert ADA_EMAIL in words


def test_without_a_store_the_form_says_so(case: Stage, tmp_path: Path) -> None:
    store_retire(store=letters(tmp_path))
    assert "No data store is registered" in signed_in(case.staff.omar).get(address(case, "stores/new/")).words


def test_from_the_form_to_the_accepted_result(case: Stage, tmp_path: Path) -> None:
    kept = letters(tmp_path)
    omar, lena, nils = (client_of(one) for one in (case.staff.omar, case.staff.lena, case.staff.nils))
    sent = {"store": kept.pk, "ground": "17_1_b", "names": ADA}
    assert omar.post(address(case, "stores/new/"), sent).status_code == 302
    row = worked(StoreErasure.objects.get())
    page = signed_in(case.staff.lena).get(address(case))
    assert all(words in page.words for words in ("letter-1.txt", "has kept the light", "by what it says", "2 of 10"))
    assert "Delete these documents" not in signed_in(case.staff.omar).get(address(case)).words
    assert lena.post(address(case), {"act": "approve"}).status_code == 409, "it does not say which list"
    stated = re.search(r'name="stated" value="([^"]+)"', lena.get(address(case)).content.decode())
    assert stated
    assert lena.post(address(case), {"act": "approve", "stated": stated[1]}).status_code == 302
    worked(row)
    page = signed_in(case.staff.nils).get(address(case))
    assert "2 documents on the list" in page.words
    assert lena.post(address(case), {"act": "settle"}).status_code == 403
    assert nils.post(address(case), {"act": "settle"}).status_code == 302
    assert now(row).stage == "settled"
    assert "Settled: Passed" in signed_in(case.staff.omar).get(address(case, "")).words


def test_what_the_form_lacks_is_said(case: Stage, tmp_path: Path) -> None:
    kept = letters(tmp_path)
    client = client_of(case.staff.omar)
    for sent in ({}, {"ground": "17_1_b"}, {"ground": "17_1_b", "names": ADA, "questions": "Who?"}):
        assert client.post(address(case, "stores/new/"), {"store": kept.pk} | sent).status_code == 422
    assert not StoreErasure.objects.exists()


def test_paraphrases_need_an_encoder(case: Stage, tmp_path: Path) -> None:
    sent = {"store": letters(tmp_path).pk, "ground": "17_1_b", "names": ADA, "paraphrases": "Who keeps the light?"}
    response = client_of(case.staff.omar).post(address(case, "stores/new/"), sent)
    assert response.status_code == 422
    assert b"need an encoder" in response.content


def test_a_list_is_given_up_on_the_page(case: Stage, tmp_path: Path) -> None:
    row = listed(case, letters(tmp_path))
    assert client_of(case.staff.nils).post(address(case), {"act": "give_up"}).status_code == 302
    assert now(row).stage == "given_up"
    assert "letter-1.txt" not in signed_in(case.staff.nils).get(address(case)).words


def test_the_to_do_list_names_what_waits(case: Stage, tmp_path: Path) -> None:
    row = ended(case, letters(tmp_path))
    assert f"Accept the result of Erasure {row.number}: letters" in signed_in(case.staff.omar).get(address(case, "")).words
