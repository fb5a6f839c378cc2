"""Digests of model folders and files. Does not import torch, because the signing process hashes artefacts itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from compliance.formats.canonical import canonical_json

from .errors import SpecError

CHUNK = 1 << 20


def model_digest(folder: Path) -> str:
    """Return the SHA-256 of the canonical JSON of {relative path: SHA-256 of the file}, in hex.

    Raises:
        SpecError: there is no such folder.
    """
    return hashlib.sha256(canonical_json(model_files(folder))).hexdigest()


def model_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a model, by path within its folder.

    Raises:
        SpecError: there is no such folder.
    """
    if not folder.is_dir():
        message = f"There is no model folder {folder.name}; check the path of the model."
        raise SpecError(message)
    return {f.relative_to(folder).as_posix(): file_digest(f) for f in sorted(folder.rglob("*")) if f.is_file()}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def model_about(folder: Path) -> dict[str, Any]:
    """Return what the model's folder says about the model, unchecked; empty if there is no folder or it says nothing."""
    try:
        about = json.loads((folder / "lethe.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
