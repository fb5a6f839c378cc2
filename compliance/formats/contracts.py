"""Frozen dataclasses to JSON and back, refusing whatever the class does not say.

`parse(cls, value)` reads a dataclass from a JSON value by its type hints, and `plain(instance)` writes it. Nothing is read
past: an unknown field, a missing one without a default, or a value of another type is an error that names its place.

Why not msgspec or pydantic: the offline verifier has `cryptography` as its only dependency, dataclasses keep their plain
constructors in torch code, and stored digests depend on `ADDED_LATER` (docs/adr/0007-one-package-for-formats.md).
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, Self, TypeVar

from .canonical import digest_of
from .checks import refuse
from .errors import FormatError

T = TypeVar("T")
type_hints_of: Callable[[type], Mapping[str, Any]] = cache(typing.get_type_hints)
NAMES: Final[Mapping[type, str]] = {str: "text", int: "a whole number", bool: "true or false"}

ADDED_LATER: Final[Mapping[str, bool]] = {"added_later": True}
"""Metadata of a field that joined a stored contract later. It is left out while it has its default, so that what was
stored before keeps its digest."""


def formerly(name: str) -> Mapping[str, str]:
    """Metadata of a field that stored contracts call `name`: it is read by either name and written by the new one."""
    return {"formerly": name}


def chosen_by(sibling: str, kinds: Mapping[str, type]) -> Mapping[str, tuple[str, Mapping[str, type]]]:
    """Metadata of a field whose class depends on the value of the field `sibling`, as `kinds` says."""
    return {"chosen_by": (sibling, kinds)}


class Contract:
    """Base of frozen dataclasses that are stored or sent as JSON."""

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers."""
        value: dict[str, Any] = plain(self)
        return value

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the instance that `data` describes.

        Raises:
            FormatError: a field is unknown, missing or of the wrong type; the message names it.
        """
        return parse(cls, data)


class Digested:
    """Adds to a contract the digest that names it."""

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON, in hex."""
        return digest_of(plain(self))


def plain(value: object) -> Any:
    """Return dicts, lists, strings, numbers, booleans and None: the inverse of `parse`."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if _is_written(f, value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def parse(cls: type[T], value: object) -> T:
    """Return the instance of the dataclass `cls` that `value` describes.

    Raises:
        FormatError: a field is unknown, missing or of another type, or the class itself refuses the values.
    """
    return typing.cast("T", _dataclass(cls, value, cls.__name__))


def _is_written(field: Field[Any], instance: object) -> bool:
    return "added_later" not in field.metadata or getattr(instance, field.name) != field.default


def _dataclass(cls: type, value: object, where: str) -> object:
    if not isinstance(value, Mapping):
        refuse(where, "an object", value)
    known = {field.name: field for field in fields(cls)}
    given = _renamed(known, value)
    if unknown := sorted(set(given) - set(known), key=str):
        message = f"{where} has no field {ascii(unknown[0])[:80]}; its fields are {', '.join(sorted(known))}."
        raise FormatError(message)
    missing = [f.name for f in known.values() if f.name not in given and f.default is f.default_factory is MISSING]
    if missing:
        message = f"{where} lacks {', '.join(missing)}."
        raise FormatError(message)
    hints = {**type_hints_of(cls), **_chosen_hints(known, given)}
    return cls(**{name: _value(hints[name], given[name], f"{where}.{name}") for name in given})


def _renamed(known: Mapping[str, Field[Any]], value: Mapping[str, object]) -> dict[str, object]:
    """Return the given fields by the names that the class has for them today."""
    today = {field.metadata["formerly"]: name for name, field in known.items() if "formerly" in field.metadata}
    return {today[name] if name in today and today[name] not in value else name: inner for name, inner in value.items()}


def _chosen_hints(known: Mapping[str, Field[Any]], given: Mapping[str, object]) -> dict[str, Any]:
    """Return the classes of the fields whose class another field names."""
    named = {name: field.metadata["chosen_by"] for name, field in known.items() if "chosen_by" in field.metadata}
    return {name: kinds[str(given[by])] for name, (by, kinds) in named.items() if str(given.get(by)) in kinds}


def _value(hint: Any, value: object, where: str) -> Any:  # noqa: PLR0911  # one return per kind of hint is the clearest form
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _dataclass(typing.cast("type", hint), value, where)
    if origin in (types.UnionType, typing.Union):  # `Literal[...] | None` is the latter
        if value is None and type(None) in arguments:
            return None
        return _value(_closest([a for a in arguments if a is not type(None)], value), value, where)
    if origin is Literal:
        return _literal(arguments, value, where)
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is not None:
        return _mapping(arguments[1], value, where)
    if hint is float:
        return _float(value, where)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        refuse(where, NAMES[hint], value)
    return value


def _closest(kinds: Sequence[Any], value: object) -> Any:
    """Of several classes, return the one that knows most of the given fields; the first when none does."""
    given = set(value) if isinstance(value, Mapping) else set()
    return max(kinds, key=lambda kind: len(given & {f.name for f in fields(kind)})) if len(kinds) > 1 else kinds[0]


def _literal(allowed: tuple[object, ...], value: object, where: str) -> object:
    if not any(type(value) is type(choice) and value == choice for choice in allowed):  # 1 and True are equal in Python
        refuse(where, "one of " + ", ".join(map(str, allowed)), value)
    return value


def _tuple(kinds: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        refuse(where, "a list", value)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        refuse(where, f"a list of {len(kinds)}", value)
    return tuple(_value(kind, inner, f"{where}[{i}]") for i, (kind, inner) in enumerate(zip(kinds, value, strict=True)))


def _mapping(kind: Any, value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        refuse(where, "an object", value)
    return {str(key): _value(kind, inner, f"{where}.{key}") for key, inner in value.items()}


def _float(value: object, where: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        refuse(where, "a number", value)
    return float(value)
