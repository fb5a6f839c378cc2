"""Asks a store again for what was deleted: by key, by what was searched for, by paraphrase, and by the nearest vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from .finding import encoder_of, look_for
from .spec import StoreSpec
from .store import Document, Store, Vector

MOST: Final = 10
"""Nearest documents that are looked at."""


def ask_again(store: Store, spec: StoreSpec, sought: Sequence[Document]) -> dict[str, Any]:
    """Return how many of the deleted documents each way still finds, and how many questions each way asked."""
    keys = {document.key for document in sought}
    searches = store.describe().searches
    vectors = [document.vector for document in sought if document.vector is not None] if searches else []
    paraphrases = _encoded(spec) if searches else []
    return {
        "by_key": len(store.get(sorted(keys))),
        "found_again": len(look_for(store, spec).documents),
        "by_vector": _nearest(store, vectors, keys),
        "vectors_asked": len(vectors),
        "by_paraphrase": _nearest(store, paraphrases, keys),
        "paraphrases_asked": len(paraphrases),
    }


def _nearest(store: Store, vectors: Iterable[Vector], keys: set[str]) -> int:
    """Count the deleted documents that the store's own search still returns."""
    return len({key for vector in vectors for key in store.nearest(vector, MOST)} & keys)


def _encoded(spec: StoreSpec) -> list[Vector]:
    if spec.encoder is None or not spec.paraphrases:
        return []
    with encoder_of(spec.encoder) as encoder:
        return list(encoder.encode(list(spec.paraphrases)))
