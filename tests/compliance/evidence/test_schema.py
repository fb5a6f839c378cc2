from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from compliance.evidence.errors import FormatError
from compliance.evidence.schema import check_digest, parse, plain


@dataclass(frozen=True)
class Inner:
    name: str


@dataclass(frozen=True)
class Outer:
    text: str
    count: int
    colour: Literal["red", "blue"] | None
    inner: Inner
    several: tuple[Inner, ...]
    table: Mapping[str, int]
    anything: Any


VALUE = {
    "text": "t",
    "count": 3,
    "colour": "red",
    "inner": {"name": "i"},
    "several": [{"name": "a"}, {"name": "b"}],
    "table": {"x": 1},
    "anything": [None, {"deep": 1.5}],
}


def test_a_dataclass_is_read_and_written_back() -> None:
    outer = parse(Outer, VALUE)
    assert outer.several == (Inner("a"), Inner("b"))
    assert plain(outer) == VALUE


def test_an_optional_field_may_be_null_but_not_missing() -> None:
    assert parse(Outer, VALUE | {"colour": None}).colour is None
    with pytest.raises(FormatError, match="exactly the fields"):
        parse(Outer, {name: value for name, value in VALUE.items() if name != "colour"})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("text", 1, "Outer.text must be a text"),
        ("count", "3", "Outer.count must be a whole number"),
        ("count", True, "Outer.count must be a whole number"),
        ("count", 3.0, "Outer.count must be a whole number"),
        ("colour", "green", "Outer.colour must be one of red, blue"),
        ("colour", ["red"], "Outer.colour must be one of red, blue"),
        ("inner", None, "Outer.inner must be an object"),
        ("inner", {"name": "i", "more": 1}, "Outer.inner must be an object with exactly"),
        ("several", {"name": "a"}, "Outer.several must be a list"),
        ("several", [{"name": 1}], r"Outer.several\[0\].name must be a text"),
        ("table", {"x": "1"}, "Outer.table.x must be a whole number"),
    ],
)
def test_a_wrong_value_is_refused_by_its_place(field: str, value: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse(Outer, VALUE | {field: value})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(FormatError, match="exactly the fields"):
        parse(Outer, VALUE | {"surprise": 1})


def test_messages_show_hostile_values_escaped_and_cut() -> None:
    with pytest.raises(FormatError) as caught:
        parse(Outer, VALUE | {"colour": "\x1b[31m" * 100})
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("digest", ["", "ab", "A" * 64, "a" * 65, "a" * 63 + "\n", "a" * 63 + "é"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(FormatError, match="SHA-256"):
        check_digest(digest, "It")
