"""Turn the answers into rows for the check page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _

from .draft import Draft
from .steps import path

LONGEST_SHOWN = 400
"""Number of characters of a long answer that are shown before "Show all"."""


def summary_rows(draft: Draft) -> list[dict[str, Any]]:
    """Return one row per question, in the order asked, for `components/summary_list.html`."""
    forms = [(step.slug, step.form(on_behalf=draft.answer("who", "who") == "other")) for step in path(draft)]
    return [
        _row(name, form.short[name], field, draft.answer(slug, name), slug)
        for slug, form in forms
        for name, field in form.fields.items()
    ]


def _row(name: str, key: Any, field: forms.Field, value: Any, slug: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": key,
        "change_url": f"{reverse('public:step', args=[slug])}?change=1#id_{name}",
        "change_label": key,
    }
    if isinstance(value, list):
        return row | {"lines": value}
    if isinstance(field, forms.BooleanField):
        return row | {"value": field.label}
    if isinstance(field, forms.ChoiceField):
        return row | {"value": next(label for key, label in field.widget.choices if key == value)}
    if isinstance(field, forms.FileField):
        return row | {"value": _("A small copy is handed in") if value else ""}
    if len(value) > LONGEST_SHOWN:
        return row | {"value": value[:LONGEST_SHOWN].rstrip() + "…", "full": value, "typed": True}
    return row | {"value": value, "typed": True}
