"""What holds for every page, whoever wrote the texts on it."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that HTML forbids, as they are and as references. Models answer with them, and corpora hold them."""


def control_characters_shown(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Write control characters on pages so that people see them and every parser reads the page, such as 0x05."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponse) and response.headers.get("Content-Type", "").startswith("text/html"):
            text = response.content.decode(response.charset)
            if CONTROL.search(text):
                response.content = visible(text).encode(response.charset)
        return response

    return respond


def visible(text: str) -> str:
    """Return a text with each control character as its code, such as 0x05."""
    return CONTROL.sub(lambda found: ascii(found.group())[1:-1], text)
