"""The page of data stores, and the commands that register and retire them."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.factories import account
from tests.stores import documents, store
from tests.web.pages import signed_in
from unlearning_jobs.models import DataStore
from unlearning_jobs.services.stores import store_retire

pytestmark = pytest.mark.django_db
PAGE = "/jobs/stores/"


def described(tmp_path: Path, path: Path) -> str:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"store": {"kind": "folder", "path": str(path)}}))
    return str(spec)


def called(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("role", ["officer", "engineer"])
def test_without_stores_the_page_says_how_to_register_one(role: str) -> None:
    page = signed_in(account(role)).get(PAGE)
    assert "No data stores yet" in page.words
    assert "python manage.py store_register" in page.words


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_nobody_else_opens_the_list(role: str) -> None:
    signed_in(account(role)).get(PAGE, status=403)


def test_the_list_names_each_store_and_shows_no_path(tmp_path: Path) -> None:
    kept = store(documents(tmp_path / "letters"))
    store_retire(store=store(documents(tmp_path / "old"), "old"))
    page = signed_in(account("officer")).get(PAGE)
    assert all(words in page.words for words in ("letters", "folder", kept.digest[:16], "in use", "retired"))
    assert str(tmp_path) not in page.words


def test_the_command_opens_a_store_before_it_registers_it(tmp_path: Path) -> None:
    spec = described(tmp_path, documents(tmp_path / "letters"))
    assert "folder, 10 documents" in called("store_register", "letters", "--spec", spec)
    assert "Retired store letters" in called("store_retire", "letters")


def test_a_store_that_is_not_there_is_not_registered(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no store"):
        called("store_register", "letters", "--spec", described(tmp_path, tmp_path / "nowhere"))
    assert not DataStore.objects.exists()


def test_a_file_that_describes_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("{")
    with pytest.raises(CommandError, match=r"spec\.json cannot be read"):
        called("store_register", "letters", "--spec", str(tmp_path / "spec.json"))


def test_nobody_retires_a_store_that_there_is_not() -> None:
    with pytest.raises(CommandError, match="There is no store letters"):
        called("store_retire", "letters")
