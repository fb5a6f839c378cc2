from __future__ import annotations

import math

import pytest
from django.utils import translation

from compliance.ui.templatetags.components import number


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (12, "12"),
        (0.06, "0.06"),
        (-0.0444, "−0.0444"),
        (1234.5, "1234"),
        (1_234_567, "1,234,567"),
        (1e-9, "1.00e−09"),
        (99.96, "100"),
        (math.inf, "inf"),
        (None, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value: float | None, shown: str) -> None:
    with translation.override("en"):
        assert number(value) == shown


def test_numbers_follow_the_language() -> None:
    with translation.override("de"):
        assert (number(0.5), number(123_456)) == ("0,5", "123.456")
