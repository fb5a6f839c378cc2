"""Reduces an example to what a model is trained on, so that the erasure ledger recognises the same content elsewhere."""

from __future__ import annotations

import unicodedata

from .snapshot import Example


def erasure_content(example: Example) -> bytes:
    """Return the bytes that the erasure ledger digests.

    A text is its prompt, a blank and its completion (for classifiers of texts, the label is the completion), in Unicode NFC,
    with every run of white space turned into one blank and none at the ends. So a text is recognised whether it was given as
    question and answer, as prompt and completion, or as one text. An array is its label, normalised the same way, and the
    bytes of its features.

    Left out is what no training learns from: the id, the set, the metadata and the source of the example, paraphrased and
    perturbed answers, which measure (the method `dpo` prefers some of the latter), and the text about an array. Letters keep
    their case. Anything else makes another content: another wording or label, a cut or joined text, and an array in other
    numbers, such as a picture that was scaled or compressed.
    """
    if example.features is None:
        return b"text\0" + _normalised(example.text).encode()
    return b"array\0" + _normalised(example.completion).encode() + b"\0" + example.features


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
