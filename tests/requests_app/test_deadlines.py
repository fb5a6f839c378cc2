"""Vectors worked out by hand from Regulation 1182/71 and the national calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from requests_app.deadlines import due_date, end_of, received_on


@pytest.mark.parametrize(
    ("received", "country", "due"),
    [
        ("2026-03-05", "DE", "2026-04-07"),  # Sunday, then Easter Monday
        ("2026-01-31", "DE", "2026-03-02"),  # no 31 February; 28 February is a Saturday
        ("2028-01-31", "DE", "2028-02-29"),  # leap year
        ("2026-04-01", "DE", "2026-05-04"),  # 1 May is a holiday in Germany ...
        ("2026-04-01", "GB", "2026-05-01"),  # ... and not in the United Kingdom
        ("2026-03-03", "DE", "2026-04-07"),  # Good Friday, a weekend, Easter Monday
        ("2026-11-25", "DE", "2026-12-28"),  # Christmas, then a weekend
        ("2026-10-31", "DE", "2026-11-30"),  # a shorter month
        ("2026-12-31", "DE", "2027-02-01"),  # 31 January 2027 is a Sunday
    ],
)
def test_one_month_ends_on_a_working_day(received: str, country: str, due: str) -> None:
    assert due_date(date.fromisoformat(received), country=country) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("received", "due"),
    [("2026-01-31", "2026-04-30"), ("2028-01-31", "2028-05-02"), ("2026-07-31", "2026-11-02")],
)
def test_an_extension_counts_three_months_from_receipt(received: str, due: str) -> None:
    assert due_date(date.fromisoformat(received), country="DE", months=3) == date.fromisoformat(due)


def test_the_day_of_receipt_is_the_civil_date_where_the_controller_is() -> None:
    late_evening_in_utc = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)

    assert received_on(late_evening_in_utc, "Europe/Berlin") == date(2026, 4, 1)


def test_a_day_ends_at_midnight_where_the_controller_is() -> None:
    assert end_of(date(2026, 3, 28), "Europe/Berlin") == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert end_of(date(2026, 3, 29), "Europe/Berlin") == datetime(2026, 3, 29, 22, tzinfo=UTC)  # summer time began
