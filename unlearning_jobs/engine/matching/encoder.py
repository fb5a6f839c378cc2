"""Turns texts into vectors whose angle says how close they are in meaning. Does not import torch.

An encoder is a folder. A sentence encoder has `config.json`, `tokenizer.json` and weights as safetensors, in the layout that
sentence-transformers publishes; it runs in a process of its own. Static vectors have `encoder.json`, `tokenizer.json` and
`vectors.npy`; they are made from a sentence encoder once, and need no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.errors import EngineError

Vectors = NDArray[np.float32]

STATIC: Final = "encoder.json"
"""The file that only a folder of static vectors has."""


class EncoderError(EngineError):
    """An encoder cannot be opened, or ended while it worked."""

    code = "bad_encoder"


class Encoder(Protocol):
    """Gives texts of equal meaning vectors of nearly equal direction."""

    name: str
    version: str
    digest: str
    """SHA-256 of everything that a vector depends on: weights, configuration, tokenizer."""
    dimensions: int
    most_tokens: int
    """Tokens of a text that are read. `encode` cuts off the rest; `windows` makes texts that are short enough."""
    tokenizer: Tokenizer

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one row per text, each of length 1, or all zeros if the encoder knows nothing in the text."""
        ...


def files_digest(folder: Path, names: Iterable[str]) -> str:
    """Return the SHA-256 of the canonical JSON of {name: SHA-256 of the file}, in hex.

    Raises:
        EncoderError: one of the files is missing.
    """
    try:
        digests = {name: file_sha256(folder / name) for name in sorted(names)}
    except OSError as error:
        message = f"The encoder's folder has no readable {Path(str(error.filename)).name}; check the path of the encoder."
        raise EncoderError(message) from None
    return hashlib.sha256(canonical_json(digests)).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tokenizer_open(folder: Path) -> Tokenizer:
    """Read the tokenizer of an encoder, so that it neither cuts nor pads.

    Raises:
        EncoderError: there is none, or it is damaged.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises bare Exception
        message = "The encoder's tokenizer.json is missing or damaged; check the path of the encoder."
        raise EncoderError(message) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def unit(vectors: Vectors) -> Vectors:
    """Scale rows to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
