"""The gateway's policy: which models are released or quarantined, and which guards are active until when.

It is a file, or a folder of guards alone. It is read again when it, or a guard that it names, has changed. If the new one is
broken, the last good one goes on acting and `/healthz` says so; at the start there is none, and the gateway does not start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from compliance.formats.canonical import digest_of, format_time, parse_json, parse_time
from compliance.formats.contracts import Contract
from compliance.formats.errors import FormatError
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.guards import ActiveGuards, Guard, read_guard
from unlearning_jobs.engine.matching.encoder import Encoder

from .errors import Refusal

FORMAT: Final = "lethe-gateway-1"
LARGEST: Final = 8 << 20
Stamp = tuple[tuple[str, int, int, int], ...]


class PolicyError(EngineError):
    """A policy cannot be read, or what it names cannot be used."""

    code = "bad_policy"


@dataclass(frozen=True)
class ModelState(Contract):
    """What may be done with a model that the model server has."""

    state: Literal["released", "quarantined"]
    version: str
    """Which version it is: a reference or a digest, which `/v1/models` tells."""


@dataclass(frozen=True)
class ActiveGuard(Contract):
    """A guard that acts until a time, or until its own if that comes first."""

    file: str
    """The guard's file, from the policy's folder."""
    until: str
    models: tuple[str, ...] = ()
    """The models that it is for, of those that the policy names; every model if it names none."""


@dataclass(frozen=True)
class PolicyFile(Contract):
    """A policy as it is stored."""

    format: Literal["lethe-gateway-1"]
    models: Mapping[str, ModelState]
    guards: tuple[ActiveGuard, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A policy that acts."""

    models: Mapping[str, ModelState] | None
    """None if the policy is a folder of guards: then every model that the server has is let through."""
    guards: ActiveGuards
    count: int
    digest: str
    read_at: str

    def require_released(self, model: str) -> None:
        """Refuse a model that is quarantined, or that the policy does not name (Refusal)."""
        if self.models is None:
            return
        if model not in self.models:
            message = "The policy names no such model. /v1/models lists those that are released."
            raise Refusal(404, "model_not_found", message, param="model")
        if self.models[model].state == "quarantined":
            message = "This model is quarantined and answers nobody; it waits to be destroyed or released."
            raise Refusal(403, "model_quarantined", message, param="model")

    def is_quarantined(self, model: object) -> bool:
        """Return whether a model that somebody names is quarantined."""
        state = self.models.get(model) if self.models and isinstance(model, str) else None
        return state is not None and state.state == "quarantined"


def read_policy(path: Path, encoder: Encoder | None = None) -> Policy:
    """Read a policy file, or a folder of guards.

    Raises:
        PolicyError: it cannot be read, is none, or a guard that it names cannot be used.
    """
    try:
        if path.is_dir():
            guards = [(guard, guard.acts_until) for guard in map(_guard, _guard_files(path))]
            models, digest = None, digest_of(sorted(guard.digest() for guard, _until in guards))
            only: list[tuple[str, ...]] = []
        else:
            stored = _stored(path)
            guards = [_active(path.parent, entry) for entry in stored.guards]
            models, digest = stored.models, digest_of(stored.to_json())
            only = [_only(entry, stored.models) for entry in stored.guards]
        acting = ActiveGuards(guards, encoder, only)
        return Policy(models, acting, len(guards), digest, format_time(datetime.now(UTC)))
    except EngineError as error:
        message = f"The policy cannot be used: {error}"
        raise PolicyError(message) from None
    except OSError as error:
        message = f"The policy cannot be read ({error.strerror})."
        raise PolicyError(message) from None


def _guard_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("guard-*.json"))


@lru_cache(maxsize=16_384)
def _known(path: Path, _stamp: tuple[int, int, int]) -> Guard:
    """Read a guard, and no second time while its file stays as it is: of a thousand guards, one has changed."""
    return read_guard(path)


def _guard(path: Path) -> Guard:
    try:
        at = path.stat()
    except OSError:
        return read_guard(path)  # says what is wrong
    return _known(path, (at.st_mtime_ns, at.st_size, at.st_ino))


def _stored(path: Path) -> PolicyFile:
    if path.stat().st_size > LARGEST:
        message = "it is larger than any policy."
        raise PolicyError(message)
    try:
        return PolicyFile.from_json(parse_json(path.read_bytes()))
    except FormatError as error:
        raise PolicyError(str(error)) from None


def _active(folder: Path, entry: ActiveGuard) -> tuple[Guard, datetime]:
    try:
        until = parse_time(entry.until)
    except FormatError as error:
        raise PolicyError(str(error)) from None
    return _guard(folder / entry.file), until


def _only(entry: ActiveGuard, models: Mapping[str, ModelState]) -> tuple[str, ...]:
    """Return the models that a guard is for; one that is for a model that nobody has would act on none."""
    if unknown := sorted(set(entry.models) - models.keys()):
        message = f"a guard is for the model {unknown[0]!r}, which the policy does not name."
        raise PolicyError(message)
    return entry.models


def _stamp(path: Path, named: Iterable[Path]) -> Stamp:
    """Return what changes when the policy, or a guard that it names, does."""
    found = []
    for file in (path, *(_guard_files(path) if path.is_dir() else named)):
        with contextlib.suppress(OSError):
            at = file.stat()
            found.append((str(file), at.st_mtime_ns, at.st_size, at.st_ino))
    return tuple(found)


def _named_files(path: Path) -> tuple[Path, ...]:
    """Return the files of the guards that a policy names, whether or not they are there; none if it cannot be read."""
    with contextlib.suppress(PolicyError, OSError):
        return () if path.is_dir() else tuple(path.parent / entry.file for entry in _stored(path).guards)
    return ()


class PolicyKeeper:
    """Keeps the last good policy, and reads it again when it has changed.

    Raises:
        PolicyError: there is no good policy to begin with.
    """

    def __init__(self, path: Path, encoder: Encoder | None = None) -> None:
        self._path, self._encoder = path, encoder
        self._named = _named_files(path)
        self._seen = _stamp(path, self._named)
        self.policy = read_policy(path, encoder)
        self.error = ""
        """Why a newer policy does not act; empty if this is the newest."""

    def check(self) -> None:
        """Read the policy again if it has changed; a broken one changes nothing but `error`."""
        if _stamp(self._path, self._named) == self._seen:
            return
        self._named = _named_files(self._path)
        stamp = _stamp(self._path, self._named)  # before it is read: what is written meanwhile is read next time
        try:
            policy = read_policy(self._path, self._encoder)
        except PolicyError as error:
            self.error = str(error)
        else:
            self.policy, self.error = policy, ""
        self._seen = stamp

    async def watch(self, every: float) -> None:
        """Check for ever, in a thread, so that nobody waits for a policy to be read."""
        while True:
            await asyncio.sleep(every)
            try:
                await asyncio.to_thread(self.check)
            except Exception as error:  # noqa: BLE001  # whatever it is, the last good policy goes on, and it is told
                self.error = f"The policy cannot be checked ({type(error).__name__})."
