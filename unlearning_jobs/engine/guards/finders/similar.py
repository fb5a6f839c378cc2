"""Sentences that say the same in other words, by the vectors of an encoder (`engine/matching/encoder.py`)."""

from __future__ import annotations

import binascii
from collections.abc import Collection, Sequence

import numpy as np

from compliance.formats.canonical import decode_base64, encode_base64
from compliance.formats.errors import FormatError
from unlearning_jobs.engine.guards.errors import GuardError
from unlearning_jobs.engine.guards.patterns import Meanings
from unlearning_jobs.engine.matching.encoder import Encoder, Vectors
from unlearning_jobs.engine.matching.meaning_windows import knows_a_word

from .sentences import SentenceReading


def meanings_of(texts: Sequence[str], encoder: Encoder, threshold: float) -> Meanings:
    """Return the pattern of sentences that are as close to these texts as the threshold.

    Raises:
        GuardError: the encoder knows no word of one of them.
    """
    if not all(knows_a_word(encoder, text) for text in texts):
        message = "The encoder knows no word of one of the texts; look for it as a phrase."
        raise GuardError(message)
    vectors = encoder.encode(texts).astype("<f4")
    return Meanings(encoder.digest, encoder.dimensions, encode_base64(vectors.tobytes()), threshold)


class SimilarFinder:
    """Compares each sentence with all vectors."""

    def __init__(self, patterns: Sequence[tuple[int, Meanings]], encoder: Encoder | None = None) -> None:
        if encoder is None or any(of.encoder != encoder.digest for _guard, of in patterns):
            message = "A guard compares meanings by an encoder that is not there; name its folder."
            raise GuardError(message, code="guard_without_encoder")
        self._encoder = encoder
        rows = [_vectors(of) for _guard, of in patterns]
        self._vectors = np.concatenate(rows)
        self._guards = [guard for (guard, _of), own in zip(patterns, rows, strict=True) for _row in own]
        self._thresholds = np.concatenate([np.full(len(r), of.threshold) for (_, of), r in zip(patterns, rows, strict=True)])

    @classmethod
    def problem(cls, of: Meanings) -> str:
        """Return why such a pattern would find nothing or everything."""
        if not 0 < of.threshold <= 1:
            return "the threshold of its likeness is not between 0 and 1."
        try:
            vectors = _vectors(of)
        except GuardError as error:
            return str(error)
        return "" if len(vectors) and np.isfinite(vectors).all() else "its vectors are missing or no numbers."

    def session(self, acting: Collection[int]) -> SentenceReading:
        """Return what reads one text."""
        return SentenceReading(self._judge, acting)

    def _judge(self, sentences: Sequence[str]) -> list[set[int]]:
        close = self._encoder.encode(sentences) @ self._vectors.T >= self._thresholds  # (sentences, vectors)
        return [{self._guards[place] for place in np.flatnonzero(row).tolist()} for row in close]


def _vectors(of: Meanings) -> Vectors:
    try:
        return np.frombuffer(decode_base64(of.vectors), "<f4").reshape(-1, of.dimensions).astype(np.float32)
    except (FormatError, ValueError, binascii.Error):
        message = "its vectors are damaged."
        raise GuardError(message) from None
