"""What every list page has: filters and sorting in the address, pages, and the same rows as CSV."""

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
    """The page that the address asks for; a number out of range gives the nearest page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def address(request: HttpRequest, **changes: str | None) -> str:
    """The current list with parameters set, or removed by None; always from its first page."""
    query = request.GET.copy()
    for name, value in ({"page": None} | changes).items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def applied_filters(request: HttpRequest, form: forms.Form) -> list[dict[str, str]]:
    """The filters in use, each with the address of the list without it (for `components/filter_panel.html`)."""
    used = [(field, form.cleaned_data.get(field.name)) for field in form if form.is_bound and form.is_valid()]
    return [
        {"label": f"{field.label}: {_words(field, value)}", "url": address(request, **{field.name: None})}
        for field, value in used
        if value
    ]


def _words(field: forms.BoundField, value: object) -> str:
    if isinstance(field.field, forms.ChoiceField):
        return str(dict(field.field.choices).get(value, value))  # type: ignore[arg-type]  # our choices are flat pairs
    return date_format(value, "SHORT_DATE_FORMAT") if isinstance(value, date) else str(value)


@dataclass(frozen=True)
class Sorting:
    """What a list is sorted by: a key of the columns that may be sorted, and the direction."""

    key: str
    descending: bool

    @classmethod
    def of(cls, request: HttpRequest, keys: Iterable[str], default: str) -> Sorting:
        """From `?sort=due` or `?sort=-due`; anything unknown sorts by the default."""
        asked = request.GET.get("sort", default)
        known = asked.removeprefix("-") in set(keys)
        asked = asked if known else default
        return cls(asked.removeprefix("-"), asked.startswith("-"))

    def column(self, request: HttpRequest, key: str, label: str, **more: object) -> dict[str, object]:
        """A sortable column for `components/table.html`."""
        here = self.key == key
        state = ("descending" if self.descending else "ascending") if here else "none"
        turned = f"-{key}" if here and not self.descending else key
        return {"label": label, "sort_url": address(request, sort=turned), "sort": state, **more}

    def order(self, columns: Mapping[str, str]) -> tuple[str, str]:
        """For `order_by`: `columns` maps each key to its database column; ties in the order of entry."""
        return ("-" if self.descending else "") + columns[self.key], "pk"


class _Echo:
    """A file that hands back what is written, so that rows go out one by one."""

    def write(self, value: str) -> str:
        return value


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """Rows as a CSV download, streamed; `header` is not translated, so that programs can rely on it."""
    response = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula: such texts get an apostrophe in front (OWASP, CSV Injection)."""
    if value is None:
        return ""
    if isinstance(value, Model):
        value = str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
