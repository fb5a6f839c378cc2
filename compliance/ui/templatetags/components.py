"""Template tags and filters for what the components need and includes cannot compute."""

from __future__ import annotations

import math
from decimal import Decimal

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.http import HttpRequest
from django.template import Context
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

THEMES = ("system", "light", "dark")
THEME_COOKIE = "theme"
SIGNIFICANT_DIGITS = 3
MOST_DECIMALS = 6
"""Numbers that would need more are written with a power of ten."""
GROUPED_FROM = 10_000
MINUS = "\N{MINUS SIGN}"


@register.simple_tag
def organisation() -> str:
    """Return the name of the organisation that runs this installation."""
    return str(settings.ORGANISATION)


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """Return the colour scheme that this person chose: one of THEMES."""
    request: HttpRequest | None = context.get("request")
    scheme = request.COOKIES.get(THEME_COOKIE, "") if request else ""
    return scheme if scheme in THEMES else "system"


@register.simple_tag(takes_context=True)
def theme_attribute(context: Context) -> SafeString:
    """Return ` data-theme="dark"` for <html>, or nothing if the device decides."""
    scheme = theme(context)
    return SafeString("") if scheme == "system" else format_html(' data-theme="{}"', scheme)


@register.filter
def widget_kind(field: BoundField) -> str:
    """Return how `components/field.html` lays out a field: group (radios, checkboxes), checkbox, or control."""
    widget = field.field.widget
    if isinstance(widget, (RadioSelect, CheckboxSelectMultiple)):
        return "group"
    return "checkbox" if isinstance(widget, CheckboxInput) else "control"


@register.filter
def first_control(field: BoundField) -> str:
    """Return the id that an error summary links to: the first choice of radios or checkboxes, or the control itself."""
    return field.id_for_label or f"{field.auto_id}_0"


@register.filter
def number(value: float | None) -> str:
    """Format a number for people: three significant digits, in the reader's language, with a real minus sign."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}" if value is None else str(value)
    digits = SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value))) if value else 0
    if digits > MOST_DECIMALS:
        return f"{value:.2e}".replace("-", MINUS)
    # repr() gives the shortest decimal for a float, where Decimal(0.1) would give 55 digits.
    rounded = Decimal(repr(round(float(value), max(0, digits)))).normalize()
    decimals = max(0, -int(rounded.as_tuple().exponent))
    return number_format(rounded, decimal_pos=decimals, force_grouping=abs(value) >= GROUPED_FROM).replace("-", MINUS)
