"""Compute the one-month deadline of GDPR art. 12(3) under Regulation (EEC, Euratom) 1182/71. Pure functions of dates.

The day of receipt starts the period (C-171/03 Toeters). The month ends on the day with the same number, or on the last
day of a shorter month (art. 3(2)(c)); a last day on a Saturday, Sunday or public holiday moves to the next working day
(art. 3(4)). An extension counts three months from receipt, never from a date that was already moved.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
from dateutil.relativedelta import relativedelta

SATURDAY = 5


def received_on(received_at: datetime, zone: str) -> date:
    """Return the civil date of receipt in the controller's time zone."""
    return received_at.astimezone(ZoneInfo(zone)).date()


def due_date(received: date, *, country: str, months: int = 1) -> date:
    """Return the last day to answer a request received on `received`."""
    return next_working_day(received + relativedelta(months=months), country=country)


def next_working_day(day: date, *, country: str) -> date:
    """Return `day`, or the first later day that is neither a weekend nor a public holiday in `country`."""
    # Two years: a deadline in late December can move into January.
    public = holidays.country_holidays(country, years=[day.year, day.year + 1])
    while day.weekday() >= SATURDAY or day in public:
        day += timedelta(days=1)
    return day


def end_of(day: date, zone: str) -> datetime:
    """Return the moment at which `day` ends in the controller's time zone."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(zone))
