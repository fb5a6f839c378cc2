"""Bytes with exactly one spelling: canonical JSON, base64 and times.

Whatever is hashed or signed has exactly one spelling here, so that a changed byte is always a changed meaning.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any, NoReturn

from .errors import FormatError

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", re.ASCII)


def canonical_json(value: object) -> bytes:
    """Return `value` as UTF-8 JSON with sorted keys and no white space.

    Raises:
        FormatError: `value` contains NaN, infinity, a lone surrogate, or a type that JSON does not have.
    """
    try:
        return _CANONICAL.encode(value).encode()
    except (ValueError, TypeError, RecursionError) as error:
        message = f"This cannot be written as canonical JSON: {error}"
        raise FormatError(message) from None


def parse_json(raw: bytes) -> Any:
    """Return the value that `raw` spells; repeated keys, NaN and infinity are refused.

    Raises:
        FormatError: `raw` is not such JSON.
    """
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        message = "The JSON is nested too deeply."
        raise FormatError(message) from None
    except FormatError:  # a ValueError too; its message already says what is wrong
        raise
    except ValueError as error:
        message = f"This is not JSON: {error}"
        raise FormatError(message) from None


def parse_canonical(raw: bytes) -> Any:
    """Parse like `parse_json`, but accept only the exact bytes that `canonical_json` writes.

    Raises:
        FormatError: `raw` is not canonical JSON.
    """
    value = parse_json(raw)
    if canonical_json(value) != raw:
        message = "The JSON is not in canonical form (sorted keys, no white space, one spelling for each value)."
        raise FormatError(message)
    return value


def sha256_hex(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def digest_of(value: object) -> str:
    """Return the SHA-256 of the canonical JSON, in hex. Protocols, recipes and specifications are named by it."""
    return sha256_hex(canonical_json(value))


def encode_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Decode standard base64 with padding, in its one canonical spelling (RFC 4648 §3.5).

    Raises:
        FormatError: another alphabet, white space, missing padding, or stray bits in the last character.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # Python ignores stray bits in the last character; writing the bytes again shows them.
    if encode_base64(raw) != text:
        message = "This is not standard base64 in canonical form."
        raise FormatError(message)
    return raw


def format_time(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC, with microseconds: 2026-11-20T18:37:00.000000Z."""
    if moment.tzinfo is None:
        message = "A time without a time zone cannot go into evidence."
        raise FormatError(message)
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the moment that `text` spells: RFC 3339 in UTC with a `Z`, in whole seconds or microseconds.

    Raises:
        FormatError: any other form.
    """
    try:
        if TIME.fullmatch(text):  # fromisoformat alone accepts many more spellings
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    message = f"{text[:40]!a} is not a UTC time such as 2026-11-20T18:37:00.000000Z."
    raise FormatError(message)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    # JSON parsers disagree on which value of a repeated key counts, so the same bytes could be read in two ways.
    if len(members) != len(pairs):
        message = "A JSON object repeats a key."
        raise FormatError(message)
    return members


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON."
    raise FormatError(message)
