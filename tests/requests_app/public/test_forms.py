from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.public.fields import INVISIBLE
from requests_app.public.forms import EmailForm, NameForm, OtherNamesForm, ResendForm, WorkForm
from requests_app.public.steps import FORMS
from requests_app.references import reference_make


def work(text: str) -> WorkForm:
    return WorkForm({"work_title": "Title", "work_text": text})


def test_spaces_in_names_do_not_matter() -> None:
    form = NameForm({"name": "  Ada \t Beispiel "})
    assert form.is_valid()
    assert form.cleaned_data["name"] == "Ada Beispiel"


def test_spaces_in_addresses_do_not_matter() -> None:
    form = EmailForm({"email": " ada@ example.org "})
    assert form.is_valid()
    assert form.cleaned_data["email"] == "ada@example.org"


@pytest.mark.parametrize("name", ["李", "Ada-Maria d'Eça", "محمد", "X Æ A-12"])
def test_names_of_all_scripts_are_names(name: str) -> None:
    assert NameForm({"name": name}).is_valid()


def test_names_are_listed_once_and_empty_lines_dropped() -> None:
    form = OtherNamesForm({"other_names": "ada\r\n\r\n ada \nB. Beispiel"})
    assert form.is_valid()
    assert form.cleaned_data["other_names"] == ["ada", "B. Beispiel"]


@pytest.mark.parametrize("text", ["one two three four five six seven eight", "灯台守は毎晩波を数えた"])
def test_eight_words_are_enough(text: str) -> None:
    assert work(text).is_valid()


@pytest.mark.parametrize("text", ["one two three four five six seven", "- - - - - - - - - -", "灯台守は毎晩波"])
def test_fewer_words_or_signs_are_not(text: str) -> None:
    assert not work(text).is_valid()


def test_longest_work_is_exactly_twenty_thousand_characters() -> None:
    assert work("word " * 3_999 + "words").is_valid()
    assert not work("word " * 3_999 + "words!").is_valid()


def test_line_breaks_of_a_work_are_kept() -> None:
    form = work("one two three four\r\nfive six seven eight")
    assert form.is_valid()
    assert form.cleaned_data["work_text"] == "one two three four\nfive six seven eight"


def test_references_are_read_however_they_are_typed() -> None:
    reference = reference_make()
    form = ResendForm({"reference": f" {reference.lower().replace('-', ' ')} ", "email": "ada@example.org"})
    assert form.is_valid()
    assert form.cleaned_data["reference"] == reference


@pytest.mark.parametrize("slug", FORMS)
@given(data=st.data())
def test_no_form_breaks_or_lets_invisible_characters_through(slug: str, data: st.DataObject) -> None:
    form_class = FORMS[slug]
    typed: dict[str, Any] = {name: data.draw(st.text(max_size=60)) for name in form_class.base_fields}
    form = form_class(typed)
    form.is_valid()
    kept = [value for value in form.cleaned_data.values() if isinstance(value, str)]
    assert not any(INVISIBLE.search(value) for value in kept)


@pytest.mark.parametrize("slug", FORMS)
def test_every_answer_has_a_name_on_the_check_page(slug: str) -> None:
    form = FORMS[slug]
    assert set(form.short) == set(form.base_fields)
