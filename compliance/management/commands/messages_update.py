"""Brings locale/*/LC_MESSAGES/django.po up to date with the texts in templates and code. Needs Babel, not gettext."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import templatize

SOURCES = ("templates", "compliance", "requests_app", "unlearning_jobs")
PLAIN, PLURAL, WITH_CONTEXT = (1,), (1, 2), ((1, "c"), 2)
KEYWORDS: dict[str, Any] = {
    "_": PLAIN,
    "gettext": PLAIN,
    "gettext_lazy": PLAIN,
    "gettext_noop": PLAIN,
    "ngettext": PLURAL,
    "ngettext_lazy": PLURAL,
    "pgettext": WITH_CONTEXT,
    "pgettext_lazy": WITH_CONTEXT,
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


class Command(BaseCommand):
    help = "Adds new texts to the translation files and drops texts that are gone. Fill in the empty ones by hand."

    def handle(self, *_args: Any, **_options: Any) -> None:
        root = Path(settings.BASE_DIR)
        texts = messages_extract(root)
        for path in sorted((root / "locale").glob("*/LC_MESSAGES/django.po")):
            missing = messages_merge(path, texts)
            self.stdout.write(f"{path.relative_to(root)}: {len(texts)} texts, {missing} without translation")


def messages_extract(root: Path) -> Catalog:
    """Collect every translatable text below `root`, with the files that contain it."""
    catalog = Catalog(domain="django", project="Lethe", charset="utf-8")
    for path in source_files(root):
        source = path.read_text(encoding="utf-8")
        code = python_of(path, source).encode()
        for _line, text, comments, context in extract("python", BytesIO(code), KEYWORDS):
            place = [(path.relative_to(root).as_posix(), 1)]
            catalog.add(text, locations=place, auto_comments=comments, context=context)
    return catalog


def source_files(root: Path) -> Iterator[Path]:
    for folder in SOURCES:
        yield from sorted(path for path in (root / folder).rglob("*") if path.suffix in {".py", ".html", ".txt"})


def python_of(path: Path, source: str) -> str:
    """Return the file itself or, for a template, the calls of gettext that it amounts to."""
    if path.suffix == ".py":
        return source
    # What lies between the calls is blanked out but indented as before, which is no valid Python.
    return "\n".join(line.lstrip() for line in templatize(source, origin=str(path)).splitlines())


def messages_merge(path: Path, texts: Catalog) -> int:
    """Rewrite one translation file, and return how many of its texts have no translation."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parts[-3], domain="django")
    catalog.update(texts, no_fuzzy_matching=True, update_creation_date=False)
    with path.open("wb") as file:
        write_po(file, catalog, width=110, include_lineno=False, ignore_obsolete=True, sort_by_file=True)
    return sum(not translated(message) for message in catalog if message.id)


def translated(message: Any) -> bool:
    """Return whether a message has all its forms and none of them is marked as doubtful."""
    forms = message.string if isinstance(message.string, (tuple, list)) else [message.string]
    return all(forms) and not message.fuzzy
