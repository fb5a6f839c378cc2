"""Frozen dataclasses to JSON and back, refusing whatever the class does not say.

`parse(cls, value)` reads a dataclass from a parsed JSON value by its type hints; `plain(instance)` is its inverse, and
`plain(parse(cls, value)) == value` holds for everything accepted: nothing is read past.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, NoReturn, TypeVar

from .errors import FormatError

T = TypeVar("T")
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
MAX_SHOWN = 60


def plain(value: object) -> Any:
    """Dicts, lists, strings, numbers, booleans and None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def parse(cls: type[T], value: object) -> T:
    """The instance of the dataclass `cls` that `value` describes.

    Raises:
        FormatError: a field is unknown, missing or of another type, or the class itself refuses the values.
    """
    return typing.cast("T", _dataclass(cls, value, cls.__name__))


def check_digest(value: str, where: str) -> None:
    """Raises FormatError unless `value` is a SHA-256 digest in lower-case hex."""
    if not SHA256.fullmatch(value):
        refuse(where, "a SHA-256 digest in lower-case hex", value)


def check_pattern(pattern: re.Pattern[str], value: str, where: str, expected: str) -> None:
    """Raises FormatError unless the whole of `value` matches."""
    if not pattern.fullmatch(value):
        refuse(where, expected, value)


def refuse(where: str, expected: str, value: object) -> NoReturn:
    shown = ascii(value)
    shown = shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 3] + "..."
    message = f"{where} must be {expected}, not {shown}."
    raise FormatError(message)


def _dataclass(cls: type, value: object, where: str) -> object:
    if not isinstance(value, dict):
        refuse(where, "an object", value)
    hints = typing.get_type_hints(cls)
    names = {field.name for field in fields(cls)}
    if set(value) != names:
        refuse(where, f"an object with exactly the fields {', '.join(sorted(names))}", sorted(value))
    return cls(**{name: _value(hints[name], value[name], f"{where}.{name}") for name in sorted(names)})


def _value(hint: Any, value: object, where: str) -> Any:  # noqa: PLR0911  # one return per kind of hint is the clearest form
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _dataclass(typing.cast("type", hint), value, where)
    if origin in (types.UnionType, typing.Union):  # `Literal[...] | None` is the latter
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _value(inner, value, where)
    if origin is Literal:
        return (
            value
            if isinstance(value, str) and value in arguments
            else refuse(where, "one of " + ", ".join(arguments), value)
        )
    if origin is tuple:
        return tuple(_value(arguments[0], inner, f"{where}[{i}]") for i, inner in enumerate(_typed(list, value, where)))
    if origin is not None:
        return {key: _value(arguments[1], inner, f"{where}.{key}") for key, inner in _typed(dict, value, where).items()}
    return _typed(hint, value, where)


NAMES = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object"}


def _typed(kind: type[T], value: object, where: str) -> T:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        refuse(where, NAMES[kind], value)
    return value
