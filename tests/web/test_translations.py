"""Every text has a good German translation, and the files are up to date."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.conf import settings

from compliance.management.commands.messages_update import messages_extract, python_of, translated
from unlearning_jobs.engine.advisor.ranking import REASONS, RULES
from unlearning_jobs.engine.catalogue import METHODS, METRICS

PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|<(\w+)|(%%)")
PO = settings.BASE_DIR / "locale" / "de" / "LC_MESSAGES" / "django.po"


@cache
def found() -> Catalog:
    return messages_extract(settings.BASE_DIR)


@cache
def german() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="de")


def forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def test_no_text_hides_in_an_f_string_where_it_is_not_found() -> None:
    rooms = ("compliance", "requests_app", "unlearning_jobs")
    for path in (path for room in rooms for path in (settings.BASE_DIR / room).rglob("*.py")):
        for text in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.JoinedStr)):
            calls = {
                call.func.id for call in ast.walk(text) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            }
            assert not calls & {"_", "gettext", "ngettext", "pgettext"}, f"{path.name}:{text.lineno}"


def test_every_text_has_a_translation() -> None:
    known = {(m.context, forms(m.id)[0]) for m in german() if m.id and translated(m)}
    missing = [(forms(m.id)[0], m.locations[0][0]) for m in found() if m.id and (m.context, forms(m.id)[0]) not in known]
    assert not missing, "run `manage.py messages_update` and translate: " + "; ".join(map(str, missing))


def test_translations_have_the_same_placeholders_and_tags() -> None:
    for message in (m for m in german() if m.id):
        wanted = {match.group() for match in PLACEHOLDER.finditer(forms(message.id)[-1])}
        for form in forms(message.string):
            assert {match.group() for match in PLACEHOLDER.finditer(form)} == wanted, forms(message.id)[0]


def test_the_file_compiles() -> None:
    broken = [(message.id, str(error)) for message in german() if message.id for error in message.check(german())]
    assert not broken


def test_placeholders_are_named() -> None:
    unnamed = [m.id for m in found() if m.id and re.search(r"(?<!%)%[sd]|{\d*}", " ".join(forms(m.id)))]
    assert not unnamed


def test_the_engines_words_for_people_are_marked() -> None:
    texts = {text for method in METHODS.values() for text in (method.title, method.description)}
    texts |= {option.description for method in METHODS.values() for option in method.options}
    texts |= {metric.title for metric in METRICS.values()} | {rule.sentence for rule in (*RULES, *REASONS.values())}
    assert texts <= {forms(m.id)[0] for m in found() if m.id}


def test_no_translation_is_left_of_a_text_that_is_gone() -> None:
    texts = {(m.context, forms(m.id)[0]) for m in found() if m.id}
    gone = [m.id for m in german() if m.id and (m.context, forms(m.id)[0]) not in texts]
    assert not gone, "run `manage.py messages_update`"


@pytest.mark.parametrize(
    "source",
    [
        '{% translate "Hello" %}',
        "{% blocktranslate with a=b %}Hello{% endblocktranslate %}",
        '<p>\n  {{ x|default:_("Hello") }}\n</p>',
    ],
)
def test_texts_are_found_in_every_kind_of_template_tag(source: str) -> None:
    from io import BytesIO
    from pathlib import Path

    from babel.messages.extract import extract

    code = python_of(Path("x.html"), f"<div>\n    {source}\n</div>")
    assert [text for _line, text, *_rest in extract("python", BytesIO(code.encode()), {"gettext": None, "_": None})] == [
        "Hello"
    ]
