from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.formats.canonical import (
    canonical_json,
    decode_base64,
    digest_of,
    encode_base64,
    format_time,
    parse_canonical,
    parse_json,
    parse_time,
)
from compliance.formats.errors import FormatError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def is_encodable(value: object) -> bool:
    try:
        str(value).encode()
        canonical_json(value)
    except ValueError:
        return False
    return True


@given(VALUES.filter(is_encodable))
def test_canonical_json_is_read_back_as_the_same_value(value: object) -> None:
    assert parse_canonical(canonical_json(value)) == value


def test_canonical_json_sorts_keys_and_has_no_white_space() -> None:
    assert canonical_json({"b": [1, 2], "a": "é"}) == '{"a":"é","b":[1,2]}'.encode()


def test_the_order_of_keys_does_not_change_a_digest() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, {"a": b"x"}])
def test_values_that_have_no_canonical_form_are_refused(value: object) -> None:
    with pytest.raises(FormatError):
        canonical_json(value)


@pytest.mark.parametrize(
    "raw",
    [b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1}\n', b'"\\u00e9"', b"1.0e0", b"1.00", b'"\\/"', b"[1,2 ]"],
)
def test_json_in_another_spelling_is_refused_where_canonical_form_is_demanded(raw: bytes) -> None:
    parse_json(raw)
    with pytest.raises(FormatError, match="canonical form"):
        parse_canonical(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b"NaN", b"[Infinity]", b"1e999999", b'{"a":1,"a":1}', b"[" * 100_000, b"9" * 5000]
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        parse_canonical(raw)


@given(st.binary())
def test_base64_is_read_back(raw: bytes) -> None:
    assert decode_base64(encode_base64(raw)) == raw


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", "Q Q=", "-_-_", "QQ==QQ==", "é"])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(FormatError):
        decode_base64(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_read_back_to_the_microsecond(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment


def test_times_are_written_in_utc() -> None:
    moment = datetime(2026, 11, 20, 18, 37, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(moment) == "2026-11-20T16:37:00.000000Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(FormatError, match="time zone"):
        format_time(datetime(2026, 11, 20))  # noqa: DTZ001  # that is the point


@pytest.mark.parametrize(
    "text", ["2026-11-20T18:37:00", "2026-11-20 18:37:00Z", "2026-13-01T00:00:00Z", "2026-11-20T18:37:00.5Z"]
)
def test_other_forms_of_time_are_refused(text: str) -> None:
    with pytest.raises(FormatError, match="UTC time"):
        parse_time(text)
