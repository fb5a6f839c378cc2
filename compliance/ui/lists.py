"""Parts of every list page: filters and sorting in the address, pagination, and the same rows as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.formats import date_format

PAGE_SIZE = 25
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def page_of(request: HttpRequest, rows: QuerySet[Any] | Sequence[Any], size: int = PAGE_SIZE) -> Page[Any]:
    """Return the page that the address names. A number out of range gives the nearest page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def address(request: HttpRequest, **changes: str | None) -> str:
    """Return the address of the current list with parameters set, or removed by None, from its first page."""
    query = request.GET.copy()
    for name, value in ({"page": None} | changes).items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def applied_filters(request: HttpRequest, form: forms.Form) -> list[dict[str, str]]:
    """Return the filters in use, each with the address of the list without it, for `components/filter_panel.html`."""
    used = [(field, form.cleaned_data.get(field.name)) for field in form if form.is_bound and form.is_valid()]
    return [
        {"label": f"{field.label}: {_words(field, value)}", "url": address(request, **{field.name: None})}
        for field, value in used
        if value
    ]


def filter_context(request: HttpRequest, form: forms.Form) -> dict[str, object]:
    """Return what a list's template needs for its filters."""
    return {"filter_form": form, "page_has_errors": bool(form.errors), "applied": applied_filters(request, form)}


def _words(field: forms.BoundField, value: object) -> str:
    if isinstance(field.field, forms.ChoiceField):
        return str(dict(field.field.choices).get(value, value))  # type: ignore[arg-type]  # our choices are flat pairs
    return date_format(value, "SHORT_DATE_FORMAT") if isinstance(value, date) else str(value)


@dataclass(frozen=True)
class Sorting:
    """What a list is sorted by: the key of a sortable column, and the direction."""

    key: str
    descending: bool

    @classmethod
    def of(cls, request: HttpRequest, keys: Iterable[str], default: str) -> Sorting:
        """Read `?sort=due` or `?sort=-due`. Anything unknown sorts by the default."""
        sort = request.GET.get("sort", default)
        if sort.removeprefix("-") not in set(keys):
            sort = default
        return cls(sort.removeprefix("-"), sort.startswith("-"))

    def column(self, request: HttpRequest, key: str, label: str, **attributes: object) -> dict[str, object]:
        """Return a sortable column for `components/table.html`."""
        is_current = self.key == key
        state = ("descending" if self.descending else "ascending") if is_current else "none"
        # A click on the current column reverses it.
        target = f"-{key}" if is_current and not self.descending else key
        return {"label": label, "sort_url": address(request, sort=target), "sort": state, **attributes}

    def order(self, columns: Mapping[str, str]) -> tuple[str, str]:
        """Return arguments for `order_by`. `columns` maps each key to its database column; ties keep the order of entry."""
        return ("-" if self.descending else "") + columns[self.key], "pk"


class _Echo:
    """A file that returns what is written to it, so that rows are sent one by one."""

    def write(self, value: str) -> str:
        return value


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """Return the rows as a streamed CSV download. `header` is not translated, so that programs can rely on it."""
    response = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: object) -> object:
    """Return the value as no spreadsheet takes it for a formula: with an apostrophe in front (OWASP, CSV Injection)."""
    if value is None:
        return ""
    if isinstance(value, Model):
        value = str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
