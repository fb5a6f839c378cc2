"""The engineers' pages of copies, and the command that registers one."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.copies import copy_of
from tests.factories import account, model_version
from tests.personas import client_of
from tests.web.pages import Site, signed_in
from unlearning_jobs.models import Copy, ModelVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
PAGE = "/jobs/copies/"


@pytest.fixture
def model(db: None) -> ModelVersion:  # noqa: ARG001  # it has rows
    return model_version(name="keeper")


@pytest.fixture
def eva() -> Site:
    return signed_in(account("engineer", "eva"))


@pytest.mark.parametrize("role", ["officer", "engineer"])
def test_without_copies_the_page_says_how_to_register_one(role: str) -> None:
    page = signed_in(account(role)).get(PAGE)
    assert "No copies yet" in page.words
    assert "python manage.py copy_register" in page.words
    assert ("Register a copy" in page.words) == (role == "engineer")


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_nobody_else_opens_the_list(role: str) -> None:
    signed_in(account(role)).get(PAGE, status=403)


def test_nobody_but_engineers_registers_or_retires_on_a_page(model: ModelVersion) -> None:
    copy = copy_of(model)
    for role in ("officer", "auditor", "administrator"):
        client = client_of(account(role))
        for path in (f"{PAGE}new/", f"{PAGE}{copy.pk}/retire/"):
            assert [client.get(path).status_code, client.post(path).status_code] == [403, 403]
    assert Copy.objects.filter(retired_at=None).count() == 1


def test_an_engineer_registers_a_copy_of_a_copy_and_retires_it(model: ModelVersion, eva: Site) -> None:
    copy_of(model)
    parent = Copy.objects.get()
    given = {"name": "cached", "kind": "cache", "of": f"copy-{parent.pk}", "place": "Server 4", "sha256": "a" * 64}
    page = eva.submit(eva.get(f"{PAGE}new/"), given)
    assert page.h1 == "Copies"
    assert "phone Quantised model At a licensee, by contract 7." in page.words
    assert "– cached Cache Server 4 aaaaaaaaaaaaaaaa…" in page.words
    copy = Copy.objects.get(name="cached")
    assert (copy.parent, copy.registered_by and copy.registered_by.username) == (parent, "eva")
    path = f"{PAGE}{parent.pk}/retire/"
    confirm = eva.get(path)
    assert "What was made from it stays registered: cached." in confirm.words
    assert "retired" in eva.submit(confirm, action=path).words
    assert "retired already" in eva.submit(confirm, action=path, status=409).words


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"name": ""}, "Name the copy."),
        ({"name": "phone"}, "There is another copy “phone”. Choose another name."),
        ({"kind": ""}, "Choose what kind of copy it is."),
        ({"of": ""}, "Choose what it is a copy of."),
        ({"place": ""}, "Say where it is."),
        ({"sha256": "abc"}, "A SHA-256 has 64 digits from 0 to 9 and a to f."),
    ],
)
def test_what_is_missing_is_said(model: ModelVersion, eva: Site, wrong: dict[str, str], problem: str) -> None:
    copy_of(model)
    usual = {"name": "cached", "kind": "cache", "of": f"version-{model.pk}", "place": "Server 4"}
    page = eva.submit(eva.get(f"{PAGE}new/"), usual | wrong, status=422)
    assert problem in [words for _field, words in page.errors]
    assert Copy.objects.count() == 1


def test_the_same_rows_are_there_as_csv(model: ModelVersion, eva: Site) -> None:
    copy_of(copy_of(model), "cached", "cache")
    lines = b"".join(eva.client.get(f"{PAGE}?format=csv")).decode().splitlines()
    assert lines[0].startswith("copy,name,kind,root,parent,place")
    assert ",cached,cache,keeper v1,phone," in lines[2]


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("copy_register", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_registers_copies_of_models_corpora_and_copies(model: ModelVersion) -> None:
    newest = model_version(name="keeper", number=2, state="candidate", snapshot=model.snapshot)
    usual = ("--place", "Server 4", "--kind", "cache")
    assert "phone: cache of keeper v2" in said("phone", "--model", "keeper", *usual)
    assert "old: cache of keeper v1" in said("old", "--model", "keeper:1", *usual)
    assert "cached: cache of phone" in said("cached", "--copy", "phone", *usual)
    corpus = model.snapshot.corpus.name
    assert f"tape: cache of {model.snapshot}" in said("tape", "--corpus", f"{corpus}:{model.snapshot.digest[:8]}", *usual)
    assert Copy.objects.get(name="phone").version == newest


@pytest.mark.parametrize("origin", [("--model", "keeper:9"), ("--model", "keeper:x"), ("--corpus", "x"), ("--copy", "x")])
def test_the_command_says_what_there_is_no_copy_of(model: ModelVersion, origin: tuple[str, str]) -> None:
    assert model
    with pytest.raises(CommandError, match="that a copy could be of"):
        said("phone", *origin, "--place", "Server 4", "--kind", "cache")


def test_the_command_passes_on_why_a_copy_is_refused(model: ModelVersion) -> None:
    copy_of(model)
    for name, reason in (("phone", "another copy"), ("a b", "valid")):
        with pytest.raises(CommandError, match=reason):
            said(name, "--model", "keeper", "--place", "Server 4", "--kind", "cache")
