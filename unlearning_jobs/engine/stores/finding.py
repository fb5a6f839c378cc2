"""Finds the documents that an erasure is about: by key, by text, by meaning, and whatever was made from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from unlearning_jobs.engine.matching.encoder import Encoder, unit
from unlearning_jobs.engine.matching.encoder_folder import encoder_open
from unlearning_jobs.engine.matching.encoder_sentence import SentenceEncoder
from unlearning_jobs.engine.matching.kinds import MATCHERS

from .spec import StoreSpec
from .store import Document, Store, StoreError

SHINGLE: Final = 8
"""Words in a row that copies of a text share."""
SHARED: Final = 0.8
"""Part of the shorter text's shingles that another must have to be a copy of it, or a part. One template gives fewer."""
HOW: Final = ("key", "text", "meaning", "lineage", "copy")


@dataclass
class Found:
    """The documents that were found, by key, and by which way first."""

    documents: dict[str, Document] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    total: int = 0
    """Documents in the store."""

    def add(self, document: Document, how: str) -> None:
        self.documents.setdefault(document.key, document)
        self.how.setdefault(document.key, how)

    def counts(self) -> dict[str, int]:
        return {how: sum(one == how for one in self.how.values()) for how in HOW}


def find(store: Store, spec: StoreSpec) -> Found:
    """Find everything that the spec is about. The store is read several times, and nothing is kept but what is found.

    Raises:
        StoreError: nothing was found, or so much that the search names everything.
    """
    found = look_for(store, spec)
    if not found.documents:
        message = "Nothing in the store fits what was searched for. Nothing was deleted."
        raise StoreError(message, code="nothing_found")
    if len(found.documents) > spec.most_share * found.total:
        message = (
            f"The search finds {len(found.documents)} of {found.total} documents, more than most_share allows: it may name"
            " everything. Nothing was deleted."
        )
        raise StoreError(message, code="names_everything")
    return found


def look_for(store: Store, spec: StoreSpec) -> Found:
    """Find everything that the spec is about, be it nothing or all."""
    found = Found()
    for how, fits in (("key", _by_key(spec)), ("text", _by_text(spec))):
        for document in store.documents():
            if fits(document):
                found.add(document, how)
    found.total = store.describe().count
    for document in close_ones(store, spec, spec.meanings):
        found.add(document, "meaning")
    while _add_derived(store, spec, found):
        pass
    return found


def _by_key(spec: StoreSpec) -> Callable[[Document], bool]:
    keys = set(spec.keys)
    return lambda document: document.key in keys


def _by_text(spec: StoreSpec) -> Callable[[Document], bool]:
    kinds = {query.kind for query in spec.queries}
    matchers = [MATCHERS[kind]([query for query in spec.queries if query.kind == kind]) for kind in sorted(kinds)]

    def fits(document: Document) -> bool:
        return any(next(iter(matcher.spans(text)), None) for matcher in matchers for text in texts_of(document))

    return fits


def texts_of(document: Document) -> Iterator[str]:
    """Yield a document's text and those of its fields that are texts."""
    yield document.text
    yield from (value for value in document.fields.values() if isinstance(value, str))


def close_ones(store: Store, spec: StoreSpec, meanings: Sequence[str]) -> Iterator[Document]:
    """Yield the documents that mean nearly the same as one of the texts, by comparing all: an index may miss some.

    Raises:
        StoreError: the encoder is another than that of the store's vectors.
    """
    if not meanings or spec.encoder is None:
        return
    with encoder_of(spec.encoder) as encoder:
        wanted = encoder.encode(list(meanings))
        for document in store.documents():
            vector = _vector(document, encoder)
            if float((wanted @ vector).max()) >= spec.closeness:
                yield document


@contextmanager
def encoder_of(folder: Path) -> Iterator[Encoder]:
    """Open an encoder, and end its process, if it has one."""
    encoder = encoder_open(folder)
    try:
        yield encoder
    finally:
        if isinstance(encoder, SentenceEncoder):
            encoder.close()


def _vector(document: Document, encoder: Encoder) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if document.vector is None:
        return np.asarray(encoder.encode([document.text])[0])
    if len(document.vector) != encoder.dimensions:
        message = "The vectors of the store have other dimensions than those of the encoder; name the one that made them."
        raise StoreError(message, code="other_encoder")
    return np.asarray(unit(document.vector[None])[0])


def _add_derived(store: Store, spec: StoreSpec, found: Found) -> bool:
    """Add what was made from found documents; whether there was any, for something may be made from that in turn."""
    before = len(found.documents)
    originals = found.documents.items() if spec.copies else ()
    shingles = {key: _shingles(document.text) for key, document in originals if found.how[key] != "copy"}
    everywhere = {one for own in shingles.values() for one in own}
    for document in store.documents():
        if document.key in found.documents:
            continue
        if any(_origins(document.fields.get(name)) & found.documents.keys() for name in spec.lineage):
            found.add(document, "lineage")
        elif _is_copy(_shingles(document.text), everywhere, shingles):
            found.add(document, "copy")
    return len(found.documents) > before


def _origins(value: object) -> set[str]:
    """Return the keys that a field names: one, or several as a list, in JSON where the store has no lists."""
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        return {value, *(map(str, parsed) if isinstance(parsed, list) else ())}
    if isinstance(value, list | tuple):
        return set(map(str, value))
    return set() if value is None else {str(value)}


def _shingles(text: str) -> frozenset[int]:
    words = text.casefold().split()
    return frozenset(hash(tuple(words[i : i + SHINGLE])) for i in range(len(words) - SHINGLE + 1))


def _is_copy(own: frozenset[int], everywhere: set[int], found: dict[str, frozenset[int]]) -> bool:
    if not own or own.isdisjoint(everywhere):
        return False
    return any(len(own & theirs) >= SHARED * min(len(own), len(theirs)) for theirs in found.values() if theirs)
