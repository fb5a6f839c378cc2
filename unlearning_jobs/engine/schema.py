"""Derives the JSON schema of the contracts from their annotations and docstrings."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal

SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}


def json_schema(contract: type) -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a contract, including the contracts that it contains."""
    definitions: dict[str, Any] = {}
    top = _schema(contract, definitions)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": definitions}


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: PLR0911  # one return per kind of type is the clearest form
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind):
        return _reference(typing.cast("type", kind), definitions)
    if origin is typing.Union or origin is types.UnionType:
        return {"anyOf": [{"type": "null"} if a is type(None) else _schema(a, definitions) for a in args]}
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin is tuple and args[-1] is Ellipsis:
        return {"type": "array", "items": _schema(args[0], definitions)}
    if origin is tuple:
        return {"type": "array", "prefixItems": [_schema(a, definitions) for a in args], "items": False}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(args[1], definitions)}
    return {"type": SIMPLE[kind]} if kind in SIMPLE else {}


def _chosen_hints(contract: type) -> dict[str, Any]:
    """Return hints for fields whose contract another field chooses (`chosen_by`): any of the contracts, and their names."""
    hints: dict[str, Any] = {}
    for f in fields(contract):
        if "chosen_by" in f.metadata:
            sibling, kinds = f.metadata["chosen_by"]
            hints[f.name] = typing.Union[tuple(kinds.values())]  # noqa: UP007  # of as many as there are
            hints[sibling] = Literal[tuple(kinds)]
    return hints


def _reference(contract: type, definitions: dict[str, Any]) -> dict[str, Any]:
    name = contract.__name__
    if name not in definitions:
        definitions[name] = {}  # reserves the name, so that a contract may contain itself
        hints = typing.get_type_hints(contract) | _chosen_hints(contract)
        definitions[name] = {
            "type": "object",
            "description": (contract.__doc__ or "").strip(),
            "properties": {f.name: _schema(hints[f.name], definitions) for f in fields(contract)},
            "required": [f.name for f in fields(contract) if f.default is MISSING and f.default_factory is MISSING],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}
