"""What a registered data store is described by: how the engine opens it, and what an erasure in it uses besides.

A description is the part of the engine's spec (docs/stores.md) that is the same for every erasure in a store:

    {"store": {"kind": KIND, ...}, "encoder": PATH, "lineage": [FIELD, ...], "caches": [PATH, ...], "model": PATH}

All but `store` may be left out. It holds no secret: passwords of databases belong into the file ~/.pgpass.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn

from compliance.formats.canonical import canonical_json

from .engine.errors import SpecError
from .engine.stores.adapters import open_store
from .engine.stores.spec import StoreSpec, spec_from

PARTS: Final = frozenset({"store", "encoder", "lineage", "caches", "model"})
SECRETS: Final = ("password", "sslpassword")
"""Parameters of an address of PostgreSQL that nobody but its owner may read."""
NOT_ASKED: Final = "lethe"
"""Any key: a spec without a search is none, and a description has none."""


def read_description(path: Path) -> dict[str, Any]:
    """Read the description of a store from a JSON file.

    Raises:
        SpecError: the file cannot be read, or describes no store. The message quotes no value.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read as JSON ({type(error).__name__})."
        raise SpecError(message) from None
    return checked_description(stored)


def checked_description(stored: object) -> dict[str, Any]:
    """Return the description of a store, if it is one.

    Raises:
        SpecError: it is none, or holds a secret. The message quotes no value.
    """
    if not isinstance(stored, Mapping) or not stored.keys() <= PARTS:
        message = f"This describes no store; there are {', '.join(sorted(PARTS))} (docs/stores.md)."
        raise SpecError(message)
    description = dict(stored)
    _refuse_secrets(description.get("store"))
    spec_of(description, {"keys": [NOT_ASKED]})
    return description


def spec_of(description: Mapping[str, Any], sought: Mapping[str, Any]) -> StoreSpec:
    """Return what the engine is asked to do in a described store (`spec_json` says what `sought` may hold).

    Raises:
        SpecError: the engine would refuse it.
    """
    try:
        return spec_from(spec_json(description, sought))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"This describes no erasure in a store ({type(error).__name__}); see docs/stores.md."
        raise SpecError(message) from None


def spec_json(description: Mapping[str, Any], sought: Mapping[str, Any]) -> dict[str, Any]:
    """Return the engine's spec: a store, and what is looked for (`keys`, `queries`, `paraphrases`, `questions`)."""
    find = {name: sought[name] for name in ("keys", "queries") if sought.get(name)}
    if lineage := description.get("lineage"):
        find["lineage"] = lineage
    spec = {"store": description["store"], "find": find}
    spec |= {name: description[name] for name in ("encoder", "caches") if name in description}
    if sought.get("paraphrases"):
        spec["paraphrases"] = sought["paraphrases"]
    if sought.get("questions"):
        spec["closed_book"] = {"model": description["model"], "questions": sought["questions"]}
    if not isinstance(description.get("model", ""), str):
        raise TypeError
    return spec


def description_digest(description: Mapping[str, Any]) -> str:
    """Return what the record names a description by."""
    return hashlib.sha256(canonical_json(description)).hexdigest()


def documents_in(description: Mapping[str, Any]) -> int:
    """Open a store, and return how many documents are in it.

    Raises:
        EngineError: it cannot be opened as it is described.
    """
    settings = dict(description["store"])
    store = open_store(settings.pop("kind"), settings)
    try:
        return store.describe().count
    finally:
        store.close()


def _refuse_secrets(settings: object) -> None:
    """Raise SpecError if an address of PostgreSQL holds a password, or is none."""
    if not isinstance(settings, Mapping) or "dsn" not in settings:
        return
    try:
        parameters = parse_dsn(str(settings["dsn"]))
    except ProgrammingError:
        message = "dsn is no address of PostgreSQL."
        raise SpecError(message) from None
    if any(parameters.get(name) for name in SECRETS):
        message = "dsn holds a password. Descriptions hold no secret: put it into the file ~/.pgpass."
        raise SpecError(message, code="holds_secret")
