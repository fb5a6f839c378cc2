"""Digests of model folders and files. Does not import torch, because the signing process hashes artefacts itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from compliance.formats.canonical import canonical_json

from .errors import CheckpointError, SpecError

CHUNK = 1 << 20
WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")
"""The weights of a checkpoint: in one file, or the list of those that they are in. If there are both, the first counts."""
BESIDE_WEIGHTS: Final = (
    *("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja"),
    *("vocab.json", "vocab.txt", "merges.txt", "*.model"),
)
"""What else models are made from: the configuration, and the tokenizer in each of its forms."""
ABOUT: Final = "lethe.json"
"""What a model that was made here, or by another Lethe, says of itself."""
ADAPTER_FILES: Final = ("adapter_config.json", "adapter_model.safetensors", ABOUT)
"""What an adapter is made from: peft's files, and, if it was written here, what it says of its checkpoint."""


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
    return _digests(folder, (f.relative_to(folder).as_posix() for f in sorted(folder.rglob("*")) if f.is_file()))


def checkpoint_digest(folder: Path) -> str:
    """Return the digest of a checkpoint: that of a model folder with its `checkpoint_files` alone.

    Raises:
        CheckpointError: there is no such folder.
    """
    return hashlib.sha256(canonical_json(_digests(folder, checkpoint_files(folder)))).hexdigest()


def checkpoint_files(folder: Path) -> list[str]:
    """Return the files of a checkpoint that models are made from, by path within its folder; nothing else in it counts.

    Raises:
        CheckpointError: there is no such folder.
    """
    if not folder.is_dir():
        message = f"There is no checkpoint {folder.name}: its folder is gone. Restore it, or register the checkpoint again."
        raise CheckpointError(message)
    found = {path.relative_to(folder).as_posix() for pattern in BESIDE_WEIGHTS for path in folder.glob(pattern)}
    found.update(WEIGHTS[:1] if (folder / WEIGHTS[0]).is_file() else (WEIGHTS[1], *_shards(folder / WEIGHTS[1])))
    if (folder / ADAPTER_FILES[0]).is_file():
        found.update(ADAPTER_FILES)
    return sorted(name for name in found if (folder / name).is_file())


def _shards(index: Path) -> set[str]:
    """Return the files that a list of weights names beside it; empty if it cannot be read."""
    try:
        named = set(json.loads(index.read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return {name for name in named if isinstance(name, str) and Path(name).name == name}


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: file_digest(folder / name) for name in names}


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
        about = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
