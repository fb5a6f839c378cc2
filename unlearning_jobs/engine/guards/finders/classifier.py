"""A small classifier of sentences: hashed words, pairs of words and letters, and a logistic head.

It is trained on what is to be kept back against what is to stay (Thaker et al. 2024), and finds questions in other words
than those that it was trained on. The threshold is chosen by cross-validation, so that few of what is to stay are found.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit

from compliance.formats.canonical import decode_base64, encode_base64
from compliance.formats.errors import FormatError
from unlearning_jobs.engine.guards.errors import GuardError
from unlearning_jobs.engine.guards.lookalikes import skeleton
from unlearning_jobs.engine.guards.patterns import Weights
from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.words import BETWEEN, words

from .sentences import SentenceReading

PLACES: Final = 1 << 14
LETTERS: Final = 4
"""Letters of a run within a word."""
FEWEST: Final = 10
"""Texts of each side to train on."""
FOLDS: Final = 5
ALARMS: Final = 0.01
"""Share of what is to stay that may be found, among texts that were not trained on."""
DECAY: Final = 1e-3
ABOVE_NOTHING: Final = 0.1
"""Log-odds by which the threshold is above those of a sentence of which no word is known."""
SEED: Final = 20_260_401


def train_classifier(forget: Sequence[str], retain: Sequence[str]) -> Weights:
    """Train a classifier of what is to be kept back.

    Raises:
        GuardError: there are too few texts, or it cannot tell the two sides apart.
    """
    forget, retain = [list(dict.fromkeys(filter(features, texts))) for texts in (forget, retain)]
    if min(len(forget), len(retain)) < FEWEST:
        message = f"A classifier is trained on at least {FEWEST} different texts of each side."
        raise GuardError(message)
    texts, labels = [*forget, *retain], np.array([1.0] * len(forget) + [0.0] * len(retain))
    table = _table(texts)
    folds = np.random.default_rng(SEED).permutation(len(texts)) % FOLDS
    odds = np.zeros(len(texts))
    for fold in range(FOLDS):
        weights = _fit(table[folds != fold], labels[folds != fold])
        odds[folds == fold] = table[folds == fold] @ weights[:-1] + weights[-1]
    stays, goes = np.quantile(odds[labels == 0], 1 - ALARMS, method="higher"), np.quantile(odds[labels == 1], ALARMS)
    threshold = float(max((stays + goes) / 2, np.nextafter(stays, np.inf)))
    if (odds[labels == 1] >= threshold).mean() <= 2 * ALARMS:
        message = "The classifier cannot tell what is to be kept back from what is to stay; give it more texts."
        raise GuardError(message)
    weights = _fit(table, labels)
    threshold = max(threshold, float(weights[-1]) + ABOVE_NOTHING)
    at = np.flatnonzero(weights[:-1])
    stored = encode_base64(at.astype("<u2").tobytes()), encode_base64(weights[at].astype("<f4").tobytes())
    return Weights(*stored, round(float(weights[-1]), 6), round(threshold, 6))


class ClassifierFinder:
    """Judges each sentence by all classifiers at once."""

    def __init__(self, patterns: Sequence[tuple[int, Weights]], encoder: Encoder | None = None) -> None:
        del encoder
        self._guards = np.array([guard for guard, _of in patterns])
        self._table = np.stack([_dense(of) for _guard, of in patterns], axis=1)  # (places, classifiers)
        self._bars = np.array([of.threshold - of.bias for _guard, of in patterns])

    @classmethod
    def problem(cls, of: Weights) -> str:
        """Return why such a pattern would find nothing or everything."""
        try:
            weights = _dense(of)
        except GuardError as error:
            return str(error)
        if not (np.isfinite(weights).all() and np.isfinite([of.bias, of.threshold]).all() and weights.any()):
            return "the weights of its classifier are missing or no numbers."
        return "its classifier finds a sentence without a word." if of.bias >= of.threshold else ""

    def session(self, acting: Collection[int]) -> SentenceReading:
        """Return what reads one text."""
        return SentenceReading(self._judge, acting)

    def _judge(self, sentences: Sequence[str]) -> list[set[int]]:
        return [set(self._guards[self._odds(features(one)) >= self._bars].tolist()) for one in sentences]

    def _odds(self, at: list[int]) -> NDArray[np.float64]:
        total: NDArray[np.float64] = self._table[at].sum(axis=0, dtype=np.float64) / max(1.0, len(at)) ** 0.5
        return total


def features(text: str) -> list[int]:
    """Return the places of a text's words, pairs of words, and runs of letters."""
    return sorted({zlib.crc32(one.encode()) % PLACES for one in _features(text)})


def _features(text: str) -> Iterator[str]:
    seen = [skeleton(word.text) for word in words(text) if word.text != BETWEEN]
    for place, word in enumerate(seen):
        yield word
        yield f"{word} {seen[place + 1] if place + 1 < len(seen) else ''}"
        marked = f"^{word}$"
        yield from (marked[i : i + LETTERS] for i in range(max(0, len(marked) - LETTERS + 1)))


def _table(texts: Sequence[str]) -> csr_array[np.float64]:
    """Return the features of the texts, a row of length 1 each."""
    rows = list(map(features, texts))
    ends = np.cumsum([0, *map(len, rows)])
    values = np.concatenate([np.full(len(row), len(row) ** -0.5) for row in rows])
    return csr_array((values, np.concatenate(rows), ends), shape=(len(rows), PLACES))


def _fit(table: csr_array[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights and the bias of a logistic regression in which both sides count the same."""
    used = np.unique(table.indices)
    seen = csr_array(table[:, used])
    share = np.where(labels == 1, 0.5 / labels.sum(), 0.5 / (1 - labels).sum())

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = seen @ weights[:-1] + weights[-1]
        error = share * (expit(odds) - labels)
        value = float(share @ (np.logaddexp(0, odds) - labels * odds) + DECAY / 2 * weights[:-1] @ weights[:-1])
        return value, np.append(seen.T @ error + DECAY * weights[:-1], error.sum())

    found = minimize(loss, np.zeros(len(used) + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    weights = np.zeros(PLACES + 1)
    weights[used], weights[-1] = found[:-1], found[-1]
    return weights


def _dense(of: Weights) -> NDArray[np.float32]:
    weights = np.zeros(PLACES, np.float32)
    try:
        at = np.frombuffer(decode_base64(of.at), "<u2").astype(np.int64)
        weights[at] = np.frombuffer(decode_base64(of.weights), "<f4")
    except (FormatError, ValueError, IndexError):
        message = "the weights of its classifier are damaged."
        raise GuardError(message) from None
    return weights
