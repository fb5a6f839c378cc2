from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from compliance.formats.checks import check_digest
from compliance.formats.contracts import formerly, parse, plain
from compliance.formats.errors import FormatError


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
    with pytest.raises(FormatError, match="Outer lacks colour"):
        parse(Outer, {name: value for name, value in VALUE.items() if name != "colour"})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("text", 1, "Outer.text must be text"),
        ("count", "3", "Outer.count must be a whole number"),
        ("count", True, "Outer.count must be a whole number"),
        ("count", 3.0, "Outer.count must be a whole number"),
        ("colour", "green", "Outer.colour must be one of red, blue"),
        ("colour", ["red"], "Outer.colour must be one of red, blue"),
        ("inner", None, "Outer.inner must be an object"),
        ("inner", {"name": "i", "more": 1}, "Outer.inner has no field 'more'; its fields are name"),
        ("several", {"name": "a"}, "Outer.several must be a list"),
        ("several", [{"name": 1}], r"Outer.several\[0\].name must be text"),
        ("table", {"x": "1"}, "Outer.table.x must be a whole number"),
    ],
)
def test_a_wrong_value_is_refused_by_its_place(field: str, value: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse(Outer, VALUE | {field: value})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(FormatError, match="Outer has no field 'surprise'; its fields are anything, colour"):
        parse(Outer, VALUE | {"surprise": 1})


def test_messages_show_hostile_values_escaped_and_cut() -> None:
    with pytest.raises(FormatError) as error:
        parse(Outer, VALUE | {"colour": "\x1b[31m" * 100})
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("digest", ["", "ab", "A" * 64, "a" * 65, "a" * 63 + "\n", "a" * 63 + "é"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(FormatError, match="SHA-256"):
        check_digest(digest, "It")


@dataclass(frozen=True)
class Renamed:
    example_id: str = field(metadata=formerly("record_id"))


def test_a_field_is_read_by_the_name_it_had_before_and_written_by_the_one_it_has() -> None:
    assert plain(parse(Renamed, {"record_id": "e1"})) == {"example_id": "e1"}
    assert parse(Renamed, {"example_id": "e1"}) == Renamed("e1")
    with pytest.raises(FormatError, match="has no field 'record_id'"):
        parse(Renamed, {"record_id": "e1", "example_id": "e2"})


@dataclass(frozen=True)
class Chosen:
    number: Literal[1, 2]


def test_a_literal_number_is_not_taken_for_a_truth_value() -> None:
    assert parse(Chosen, {"number": 1}).number == 1
    with pytest.raises(FormatError, match="one of 1, 2"):
        parse(Chosen, {"number": True})
