"""Reads settings from the environment. If one is missing, the error says what to set."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def env_text(name: str, default: str | None = None) -> str:
    """Return the variable, or the content of the file that `<name>_FILE` names (for container secrets), or the default.

    Raises:
        ImproperlyConfigured: there is none of them, or the file cannot be read.
    """
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            message = f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
            raise ImproperlyConfigured(message) from error
    if default is None:
        message = f"Set {name} (or {name}_FILE) in the environment."
        raise ImproperlyConfigured(message)
    return default


def env_flag(name: str, *, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value not in {"", "0", "1", "true", "false", "yes", "no"}:
        message = f"{name} must be 1 or 0, not {value!r}."
        raise ImproperlyConfigured(message)
    return value in {"1", "true", "yes"} if value else default


def env_list(name: str, default: str | None = None) -> list[str]:
    return [part.strip() for part in env_text(name, default).split(",") if part.strip()]
