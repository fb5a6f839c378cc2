"""Static vectors: one vector per token, taken from a sentence encoder once; a text is the weighted mean of its tokens.

It follows model2vec (Tulkens and van Dongen, 2024): every token of the vocabulary is encoded alone, the table is centred and
reduced by PCA, and frequent tokens are given little weight. Frequencies follow from the order of the vocabulary, which for
WordPiece is roughly that of frequency, by Zipf's law. The first components, which all words share, are left out (Mu and
Viswanath, 2018). Word order is lost: "the dog bit the man" is the same as its reverse.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
from tokenizers import Tokenizer

from compliance.formats.canonical import canonical_json

from .encoder import STATIC, Encoder, EncoderError, Vectors, file_sha256, files_digest, tokenizer_open, unit

FORMAT: Final = "lethe-static-vectors-1"
COMPONENTS: Final = 256
SHARED: Final = 4
"""Components left out: a hundredth of the dimensions."""
RARE: Final = 1e-4
"""Tokens with this share of a text or less weigh almost fully (the smoothing of Arora et al., 2017)."""
AT_ONCE: Final = 4096


class StaticEncoder:
    """Looks tokens up in a table. Encodes thousands of texts a second, and needs no torch."""

    most_tokens = 1 << 20

    def __init__(self, about: dict[str, str], tokenizer: Tokenizer, table: Vectors, digest: str) -> None:
        self.name, self.version = about["name"], about["format"]
        self.digest, self.tokenizer = digest, tokenizer
        self.dimensions = table.shape[1]
        self._table = table

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a folder that `static_encoder_create` wrote.

        Raises:
            EncoderError: a file is missing, damaged, or not the one that was written.
        """
        names = (STATIC, "tokenizer.json", "vectors.npy")
        digest = files_digest(folder, names)
        try:
            about = json.loads((folder / STATIC).read_bytes())
            unchanged = all(file_sha256(folder / name) == expected for name, expected in about["files"].items())
            # Into memory: what is written to the file later is not what the digest is of.
            table = np.load(folder / "vectors.npy", allow_pickle=False)
            tokenizer = tokenizer_open(folder)
            usable = unchanged and about["format"] == FORMAT and table.dtype == np.float32
            usable = usable and files_digest(folder, names) == digest
        except (ValueError, KeyError, TypeError, OSError, AttributeError):
            usable = False
        if not usable:
            message = "The static vectors are damaged or of an unknown format; make them again."
            raise EncoderError(message)
        return cls(about, tokenizer, table, digest)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the weighted mean of each text's tokens, of length 1; zeros if no token is known."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):  # not encode_batch, which takes every core
            if ids := self.tokenizer.encode(text, add_special_tokens=False).ids:
                vectors[row] = self._table[ids].sum(axis=0)
        return unit(vectors)


def static_encoder_create(teacher: Encoder, out: Path) -> None:
    """Make static vectors from a sentence encoder and write them to the folder `out`, completely or not at all.

    Raises:
        EncoderError: `out` exists.
    """
    if out.exists():
        message = f"{out.name} exists already; choose another folder for the static vectors."
        raise EncoderError(message)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    draft.mkdir()
    try:
        np.save(draft / "vectors.npy", _table(teacher))
        teacher.tokenizer.save(str(draft / "tokenizer.json"))
        about = {
            "format": FORMAT,
            "name": f"static-{teacher.name}",
            "made_from": teacher.digest,
            "files": {name: file_sha256(draft / name) for name in ("tokenizer.json", "vectors.npy")},
        }
        (draft / STATIC).write_bytes(canonical_json(about))
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _table(teacher: Encoder) -> Vectors:
    """Return a weighted vector for each token; those of special tokens are zero."""
    vocabulary = sorted(teacher.tokenizer.get_vocab().items(), key=lambda item: item[1])
    tokens = [token.removeprefix("##") for token, _ in vocabulary]
    raw = np.concatenate([teacher.encode(tokens[at : at + AT_ONCE]) for at in range(0, len(tokens), AT_ONCE)])
    known = np.array([not (token.startswith("[") and token.endswith("]") and len(token) > 2) for token in tokens])  # noqa: PLR2004  # "[" and "]" are tokens too
    reduced = _principal(raw, known)
    return np.asarray(reduced * (_weights(known) * known)[:, None], dtype=np.float32)


def _principal(raw: Vectors, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Vectors:
    """Centre the vectors and keep the directions in which they differ most, without those that say little."""
    centred = raw - raw[known].mean(axis=0)
    _values, directions = np.linalg.eigh(centred[known].T @ centred[known])
    return np.asarray(centred @ directions[:, ::-1][:, SHARED : SHARED + COMPONENTS], dtype=np.float32)


def _weights(known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Vectors:
    """Weight each token by how rare it is, if its frequency is inverse to its rank among the known ones."""
    share = 1 / np.maximum(np.cumsum(known), 1)
    share /= share[known].sum()
    return np.asarray(RARE / (RARE + share), dtype=np.float32)
