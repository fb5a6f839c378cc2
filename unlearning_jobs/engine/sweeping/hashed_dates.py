"""Finds dates in a text, in figures and with names of months in English or German."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"), start=1
    )
    for name in names.split()
}
MONTH: Final = rf"(?:{'|'.join(MONTHS)})[a-zä]{{0,7}}"
DATE: Final = re.compile(
    r"(?<!\d)(?:(?P<y1>\d{4})[-/.](?P<m1>\d{1,2})[-/.](?P<d1>\d{1,2})"
    r"|(?P<a>\d{1,2})[-/.] ?(?P<b>\d{1,2})[-/.] ?(?P<y2>\d{4})"
    rf"|(?P<d3>\d{{1,2}})(?:\.|st|nd|rd|th)? {{0,2}}(?P<m3>{MONTH})[ .,]{{1,3}}(?P<y3>\d{{4}})"
    rf"|(?P<m4>\b{MONTH})[ .]{{1,3}}(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,? {{1,2}}(?P<y4>\d{{4}}))(?!\d)",
    re.IGNORECASE,
)


def dates(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield where dates stand, in order, and what they may be (year-month-day): 3/4/1980 is in March or in April."""
    for hit in DATE.finditer(text):
        parts = hit.groupdict()
        ways = {
            (parts["y1"], parts["m1"], parts["d1"]),
            (parts["y2"], parts["b"], parts["a"]),
            (parts["y2"], parts["a"], parts["b"]),
            (parts["y3"], parts["m3"], parts["d3"]),
            (parts["y4"], parts["m4"], parts["d4"]),
        }
        readings = sorted({date for way in ways if all(way) and (date := _date(*map(str, way)))})
        if readings:
            yield hit.start(), hit.end(), tuple(readings)


def _date(year: str, month: str, day: str) -> str | None:
    number = int(month) if month.isdecimal() else MONTHS[month[:3].lower()]
    try:
        return dt.date(int(year), number, int(day)).isoformat()
    except ValueError:
        return None
