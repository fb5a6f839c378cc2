"""The e-mails to claimants, in every language: what they must say, and what they must not."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import html5lib
import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

LANGUAGES = [code for code, _name in settings.LANGUAGES]
WITHOUT_ITEM = [
    *("outcome_no_match", "outcome_already_erased", "outcome_not_learned", "outcome_no_influence", "outcome_not_searched"),
    "outcome_in_stores",
]
CLOSING = ["outcome_completed", "outcome_refused", *WITHOUT_ITEM]
NAMES = ["confirm_address", "request_received", "deadline_extended", *CLOSING]
CONTEXT: dict[str, Any] = {
    "reference": "LE-7KQ4-M2XD",
    "kind": "erasure",
    "due_on": date(2026, 4, 7),
    "organisation": "Example & Sons Ltd",
    "link": "https://lethe.example/confirm/abc/?a=1&b=2",
    "status_link": "https://lethe.example/status/abc/",
    "expires_at": datetime(2026, 3, 10, 12, 30, tzinfo=UTC),
    "in_use": True,
    "reasons": "The text is <needed> for a court case & stays.",
    "extension_reasons": "Your request is about <ten> models & two languages.",
    "searched": ["The training data that we have of 2 models in use was searched."],
    "missing": ["The search could not look for the name."],
    "done": ["1 model was replaced by one such as its training gives without it."],
    "facts": ["2 passages that were found were on our list of what models must not learn."],
}
COMPLAIN = {"en": "supervisory authority", "de": "Aufsichtsbehörde"}
COURT = {"en": "judicial remedy", "de": "gerichtlichen Rechtsbehelf"}

every_mail = pytest.mark.parametrize(("name", "language"), [(name, code) for name in NAMES for code in LANGUAGES])


def rendered(name: str, ending: str, language: str) -> str:
    with translation.override(language):
        return render_to_string(f"email/{name}.{ending}", CONTEXT)


@every_mail
def test_subject_is_one_line_with_the_reference_and_nothing_personal(name: str, language: str) -> None:
    subject = rendered(name, "subject.txt", language).strip()
    assert "\n" not in subject
    assert "LE-7KQ4-M2XD" in subject
    source = (settings.BASE_DIR / "templates" / "email" / f"{name}.subject.txt").read_text()
    assert set(re.findall(r"{{ *(\w+)", source)) == {"reference"}


@every_mail
def test_plain_text_is_not_escaped_and_html_is(name: str, language: str) -> None:
    assert "Example & Sons" in rendered(name, "txt", language)
    assert "Example &amp; Sons" in rendered(name, "html", language)
    assert "&amp;" not in rendered(name, "txt", language)


@every_mail
def test_html_is_sound_in_the_right_language_and_loads_nothing(name: str, language: str) -> None:
    html = rendered(name, "html", language)
    root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html.strip())
    assert root.get("lang") == language
    assert not [element for element in root.iter() if element.tag in {"img", "script", "link", "style"}]


@every_mail
def test_both_forms_lead_to_the_status_page(name: str, language: str) -> None:
    for ending in ("txt", "html"):
        assert CONTEXT["status_link"] in rendered(name, ending, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_confirmation_carries_its_link_unchanged_and_the_deadline(language: str) -> None:
    text = rendered("confirm_address", "txt", language)
    assert CONTEXT["link"] in text
    assert "2026" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ending", ["txt", "html"])
@pytest.mark.parametrize("name", CLOSING)
def test_closing_message_names_the_right_to_complain_and_to_go_to_court(name: str, ending: str, language: str) -> None:
    text = rendered(name, ending, language)
    assert COMPLAIN[language] in text
    assert COURT[language] in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_refusal_gives_its_reasons_and_keeps_them_text(language: str) -> None:
    assert CONTEXT["reasons"] in rendered("outcome_refused", "txt", language)
    assert "&lt;needed&gt;" in rendered("outcome_refused", "html", language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ending", ["txt", "html"])
@pytest.mark.parametrize("name", CLOSING)
def test_closing_message_says_what_the_search_did_not_cover_and_what_was_found(
    name: str, ending: str, language: str
) -> None:
    text = rendered(name, ending, language)
    assert CONTEXT["missing"][0] in text
    assert CONTEXT["facts"][0] in text


@every_mail
def test_no_message_promises_what_nobody_can_know(name: str, language: str) -> None:
    text = rendered(name, "txt", language).casefold()
    assert not any(word in text for word in ("compliant", "anonym", "forgotten", "konform", "vergessen"))
