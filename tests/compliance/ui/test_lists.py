"""What lists share: cells that no spreadsheet takes for a formula, sorting, addresses."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from compliance.ui.lists import Sorting, address, csv_response, safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["Ada", 3, -0.5, "a=b"])
def test_other_values_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == value


def test_nothing_is_an_empty_cell() -> None:
    assert safe_cell(None) == ""


def test_the_csv_is_a_download_in_utf_8_and_goes_out_row_by_row() -> None:
    response = csv_response("names", ("name",), (("Ö",), ('say "x", please',)))
    assert response["Content-Disposition"] == 'attachment; filename="names.csv"'
    assert b"".join(response).decode() == 'name\r\nÖ\r\n"say ""x"", please"\r\n'


def test_an_address_keeps_the_filters_and_returns_to_the_first_page() -> None:
    request = RequestFactory().get("/", {"state": "open", "page": "3"})
    assert address(request, sort="due") == "?state=open&sort=due"
    assert address(request, state=None) == "?"


def test_an_unknown_sorting_is_the_default() -> None:
    request = RequestFactory().get("/", {"sort": "-password"})
    assert Sorting.of(request, ["due"], "due") == Sorting("due", descending=False)
