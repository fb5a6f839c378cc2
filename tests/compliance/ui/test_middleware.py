"""What models answer and corpora hold is text that people can see, on every page."""

from __future__ import annotations

import pytest
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.test import RequestFactory

from compliance.ui.middleware import control_characters_shown


def answered(response: HttpResponseBase) -> HttpResponseBase:
    return control_characters_shown(lambda _request: response)(RequestFactory().get("/"))


@pytest.mark.parametrize("character", ["\x00", "\x05", "\x0b", "\x19", "\x7f", "\x85", "\x9f", "\ufffe", "\ufdd0"])
def test_a_character_that_html_forbids_is_shown_by_its_code(character: str) -> None:
    response = answered(HttpResponse(f"<p>lamp{character}light – ü</p>"))
    assert isinstance(response, HttpResponse)
    shown = response.content.decode()
    assert character not in shown
    assert shown == f"<p>lamp\\{ascii(character)[2:-1]}light – ü</p>"


def test_other_characters_stay_as_they_are() -> None:
    page = "<p>tab\there\r\nnext\x0cline \u00a0 \u202b עברית 😀</p>"
    response = answered(HttpResponse(page))
    assert isinstance(response, HttpResponse)
    assert response.content.decode() == page


def test_what_is_no_page_is_sent_as_it_is() -> None:
    response = answered(HttpResponse("a\x05b", content_type="text/csv"))
    assert isinstance(response, HttpResponse)
    assert response.content == b"a\x05b"
    streamed = answered(FileResponse(iter([b"a\x05b"]), content_type="text/html"))
    assert streamed.streaming
