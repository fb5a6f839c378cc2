"""Finds dates in a text, in figures, as Chinese, Japanese and Korean write them, and with months in English or German."""

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
    r"|(?P<y2>(?:19|20)\d{2})(?P<m2>0[1-9]|1[0-2])(?P<d2>0[1-9]|[12]\d|3[01])"
    r"|(?P<y3>\d{4}) ?[年년] ?(?P<m3>\d{1,2}) ?[月월] ?(?P<d3>\d{1,2})(?= ?[日일])"
    r"|(?P<a>\d{1,2})(?P<sign>[-/.]) ?(?P<b>\d{1,2})(?P=sign) ?(?:(?P<y4>\d{4})|(?P<short>\d{2})(?![-/.]?\d))"
    rf"|(?P<d5>\d{{1,2}})(?:\.|st|nd|rd|th)? {{0,2}}(?:of {{1,2}})?(?P<m5>{MONTH})[ .,]{{1,3}}(?P<y5>\d{{4}})"
    rf"|(?P<m6>\b{MONTH})[ .]{{1,3}}(?P<d6>\d{{1,2}})(?:st|nd|rd|th)?,? {{1,2}}(?P<y6>\d{{4}}))(?!\d)",
    re.IGNORECASE,
)


def dates(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield where dates stand, in order, and what they may be (year-month-day).

    3/4/1980 is in March or in April, and 3.4.80 in this century or in the last one.
    """
    for hit in DATE.finditer(text):
        parts = hit.groupdict()
        ways = [(parts[f"y{way}"], parts[f"m{way}"], parts[f"d{way}"]) for way in (1, 2, 3, 5, 6)]
        years = [parts["y4"]] if parts["y4"] else [f"{century}{parts['short']}" for century in (19, 20) if parts["short"]]
        ways += [way for year in years for way in ((year, parts["b"], parts["a"]), (year, parts["a"], parts["b"]))]
        readings = sorted({date for way in ways if all(way) and (date := _date(*map(str, way)))})
        if readings:
            yield hit.start(), hit.end(), tuple(readings)


def _date(year: str, month: str, day: str) -> str | None:
    number = int(month) if month.isdecimal() else MONTHS[month[:3].lower()]
    try:
        return dt.date(int(year), number, int(day)).isoformat()
    except ValueError:
        return None
