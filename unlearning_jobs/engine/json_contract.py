"""Frozen dataclasses to JSON and back: `to_json`, and `from_json`, which refuses unknown and missing fields.

A digest is SHA-256 over the canonical JSON, so that two processes which hold the same contract name it alike.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final, Literal, Self

from .errors import SpecError

type_hints_of: Callable[[type], dict[str, Any]] = typing.get_type_hints
LONGEST_SHOWN = 60
"""Characters of a wrong value that an error message repeats."""
ADDED_LATER: Final[Mapping[str, bool]] = {"added_later": True}
"""Metadata of a field that joined a stored contract later: left out while it has its default, so that what was stored
before keeps its digest."""
CHOSEN_BY: Final = "chosen_by"
"""Metadata of a field whose contract another field names; see `chosen_by`."""
WORDS: Mapping[type, str] = {int: "a whole number", str: "text", bool: "true or false"}


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys and no white space; NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def chosen_by(sibling: str, kinds: Mapping[str, type]) -> Mapping[str, tuple[str, Mapping[str, type]]]:
    """Metadata of a field that is read as the kind which stands under the value of the field `sibling`."""
    return {CHOSEN_BY: (sibling, kinds)}


class Json:
    """JSON in, JSON out, for a frozen dataclass."""

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        own = fields(self)  # type: ignore[arg-type]  # subclasses are dataclasses
        shown = [f for f in own if "added_later" not in f.metadata or getattr(self, f.name) != f.default]
        return {f.name: _plain(getattr(self, f.name)) for f in shown}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """The instance that `data` describes.

        Raises:
            SpecError: a field is unknown, missing, or of the wrong type; the message names it.
        """
        value: Self = _parse(cls, data, cls.__name__)
        return value


class Contract(Json):
    """A frozen dataclass with JSON and a digest of its own."""

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(canonical_json(self.to_json())).hexdigest()


def _plain(value: object) -> Any:
    if isinstance(value, Json):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _parse(kind: Any, data: object, where: str) -> Any:  # noqa: PLR0911  # one return per kind of type is the clearest form
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind):
        return _parse_dataclass(kind, data, where)  # type: ignore[arg-type]  # kind is a class here
    if origin is typing.Union or origin is types.UnionType:
        if data is None and type(None) in args:
            return None
        return _parse(_closest([a for a in args if a is not type(None)], data), data, where)
    if origin is Literal:
        return _check(data in args, data, where, "one of " + ", ".join(map(str, args)))
    if origin is tuple:
        _check(isinstance(data, (list, tuple)), data, where, "a list")
        items = typing.cast("list[object]", data)
        inner = [args[0]] * len(items) if args[-1] is Ellipsis else list(args)
        _check(len(inner) == len(items), data, where, f"a list of {len(inner)}")
        return tuple(_parse(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(inner, items, strict=True)))
    if origin is not None and issubclass(origin, Mapping):
        _check(isinstance(data, Mapping), data, where, "an object")
        return {str(k): _parse(args[1], v, f"{where}.{k}") for k, v in typing.cast("Mapping[str, object]", data).items()}
    if kind is Any:
        return data
    if kind is float:
        _check(isinstance(data, (int, float)) and not isinstance(data, bool), data, where, "a number")
        return float(typing.cast("float", data))
    return _check(isinstance(data, kind) and (kind is bool or not isinstance(data, bool)), data, where, WORDS[kind])


def _closest(kinds: Sequence[Any], data: object) -> Any:
    """Of several contracts, the one that knows most of the given fields; the first one when none does."""
    given = set(data) if isinstance(data, Mapping) else set()
    return max(kinds, key=lambda kind: len(given & {f.name for f in fields(kind)})) if len(kinds) > 1 else kinds[0]


def _parse_dataclass(kind: type, data: object, where: str) -> Any:
    _check(isinstance(data, Mapping), data, where, "an object")
    given = typing.cast("Mapping[str, object]", data)
    hints = type_hints_of(kind) | _chosen_kinds(kind, given)
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(given) - known):
        message = f"{where} has no field {unknown[0]!r}; it has {', '.join(sorted(known))}."
        raise SpecError(message)
    values = {name: _parse(hints[name], given[name], f"{where}.{name}") for name in given}
    try:
        return kind(**values)
    except TypeError as error:
        message = f"{where} is incomplete: {str(error).partition('missing ')[2] or error}."
        raise SpecError(message) from error


def _chosen_kinds(kind: type, given: Mapping[str, object]) -> dict[str, Any]:
    """By field, the contracts that other fields have named."""
    named = {f.name: f.metadata[CHOSEN_BY] for f in fields(kind) if CHOSEN_BY in f.metadata}
    return {name: kinds[str(given[by])] for name, (by, kinds) in named.items() if str(given.get(by)) in kinds}


def _check(holds: bool, data: object, where: str, expected: str) -> Any:
    if not holds:
        shown = repr(data)
        message = (
            f"{where} must be {expected}, not {shown if len(shown) < LONGEST_SHOWN else shown[: LONGEST_SHOWN - 3] + '...'}."
        )
        raise SpecError(message)
    return data
