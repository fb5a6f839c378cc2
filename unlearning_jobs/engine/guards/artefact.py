"""A guard as an artefact: one file of canonical JSON, named by its digest.

A guard holds what it is to keep back, so its file is as confidential as the request that it is about: it is written for its
owner alone, and nothing of it but the digest goes into logs and records. The salt keeps the digest from telling a name to
whoever guesses it.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, Self

from compliance.formats.canonical import canonical_json, format_time, parse_canonical, parse_time
from compliance.formats.contracts import Digested
from compliance.formats.errors import FormatError
from unlearning_jobs.engine.contracts.contract import EngineContract, chosen_by
from unlearning_jobs.engine.errors import EngineError

from .errors import GuardError
from .guard_kind import GuardKind
from .kinds import KINDS, Settings
from .patterns import FilterSettings

VERSION: Final = 1
REFERENCE: Final = re.compile(r"[a-z_]{1,30}:[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
NAME: Final = re.compile(r"guard-[0-9a-f]{16}\.json", re.ASCII)
LARGEST: Final = 32 << 20
"""Bytes of the largest guard that is read."""


@dataclass(frozen=True)
class Guard(Digested, EngineContract):
    """What a model is to keep silent about, until when, and for whom. The weights of the model stay as they are."""

    kind: str
    about: str
    """What it is for, as a reference such as request:LE-7KQ4-M2XD; never a name."""
    owner: str
    """Who answers for it, as a reference such as staff:12."""
    expires: str
    """UTC; from then on the guard does nothing."""
    settings: Settings = field(metadata=chosen_by("kind", {name: kind.settings for name, kind in KINDS.items()}))
    salt: str
    version: int = VERSION
    label: Literal["suppression"] = "suppression"

    def __post_init__(self) -> None:
        """Refuse what no guard says."""
        if self.kind not in KINDS:
            message = f"There is no such kind of guard; the kinds are {', '.join(KINDS)}."
            raise GuardError(message)
        if self.version != VERSION:
            message = f"The guard has another version than {VERSION}, and is not understood here."
            raise GuardError(message)
        for name in ("about", "owner"):
            if not REFERENCE.fullmatch(getattr(self, name)):
                message = f"A guard names its {name} by a reference such as request:LE-7KQ4-M2XD, and never a person."
                raise GuardError(message)
        if not re.fullmatch("[0-9a-f]{32}", self.salt):
            message = "The guard has no salt of 16 bytes, in hex."
            raise GuardError(message)
        _time(self.expires)

    @property
    def acts_until(self) -> datetime:
        """Return the time from which the guard does nothing."""
        return _time(self.expires)

    @property
    def of_kind(self) -> GuardKind:
        """Return the entry of its kind."""
        return KINDS[self.kind]

    @property
    def needs_encoder(self) -> bool:
        """Return whether it compares meanings, for which an encoder has to be there."""
        return isinstance(self.settings, FilterSettings) and any(p.match == "similar" for p in self.settings.patterns)

    @property
    def file_name(self) -> str:
        """Return the name of its file, which says nothing but the digest."""
        return f"guard-{self.digest()[:16]}.json"

    @classmethod
    def make(cls, kind: str, settings: Settings, *, about: str, owner: str, expires: datetime) -> Self:
        """Make a guard that acts from now on.

        Raises:
            GuardError: it would do nothing, match nearly everything, or has expired already.
        """
        if expires <= datetime.now(UTC):
            message = "The guard would have expired already; choose a time in the future."
            raise GuardError(message, code="guard_expired")
        guard = cls(kind, about, owner, format_time(expires), settings, secrets.token_hex(16))
        guard.check()
        return guard

    def check(self) -> None:
        """Refuse settings with which the guard would do nothing, or match nearly everything (GuardError)."""
        if problem := self.of_kind.problem(self.settings):
            message = f"The guard cannot be used: {problem}"
            raise GuardError(message)

    def write(self, folder: Path) -> Path:
        """Write the guard into a folder, for its owner's eyes alone, completely or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.file_name
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(canonical_json({**self.to_json(), "digest": self.digest()}))
        draft.replace(path)
        return path


def read_guard(path: Path) -> Guard:
    """Read a guard, whether or not it has expired.

    Raises:
        GuardError: the file cannot be read, is no guard, is not the one that its digest names, or would match everything.
    """
    try:
        if path.stat().st_size > LARGEST:
            message = f"{path.name} is larger than any guard."
            raise GuardError(message)
        stored = parse_canonical(path.read_bytes())
    except OSError as error:
        message = f"The guard {path.name} cannot be read ({error.strerror})."
        raise GuardError(message) from None
    except FormatError:
        message = f"{path.name} is not canonical JSON; make the guard again."
        raise GuardError(message) from None
    try:
        digest = stored.pop("digest")
        guard = Guard.from_json(stored)
    except (EngineError, KeyError, AttributeError, TypeError) as error:
        why = str(error) if isinstance(error, GuardError) else "it does not have a guard's fields"
        message = f"{path.name} is no guard: {why}"
        raise GuardError(message) from None
    if guard.digest() != digest or (NAME.fullmatch(path.name) and path.name != guard.file_name):
        message = f"{path.name} is not the guard that its digest names: somebody changed it."
        raise GuardError(message, code="guard_changed")
    guard.check()
    return guard


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except FormatError:
        message = "A guard expires at a time in UTC, such as 2026-12-31T00:00:00Z."
        raise GuardError(message) from None
