"""Form classes for every page: labels, hints and errors belong together, and only the server validates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting


class LetheFormRenderer(TemplatesSetting):
    """Renders forms and fields with the templates in `templates/components`; set as FORM_RENDERER."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"


class LetheForm(forms.Form):
    """A form that only the server validates, on submit. Labels have no colon and fields no `required` attribute."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class HintedRadios(forms.RadioSelect):
    """Radio buttons with hints under some labels: `hints` maps a value to its hint."""

    def __init__(self, *, hints: Mapping[str, Any], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.hints = hints

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return _hinted(super().create_option(*args, **kwargs), self.hints)


class HintedCheckboxes(forms.CheckboxSelectMultiple):
    """Checkboxes with hints under some labels: `hints` maps a value to its hint."""

    def __init__(self, *, hints: Mapping[str, Any], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.hints = hints

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return _hinted(super().create_option(*args, **kwargs), self.hints)


def _hinted(option: dict[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    if hint := hints.get(str(option["value"])):
        option["hint"] = hint
        option["attrs"]["aria-describedby"] = f"{option['attrs']['id']}_hint"
    return option
