"""For stores whose engine keeps bytes: a whole new one is written beside the old one, compared, and exchanged for it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from unlearning_jobs.engine.stores.files import NEW, beside, exchange, remove_left_over
from unlearning_jobs.engine.stores.store import Document, Store, StoreError

CLOSE: Final = 1e-4
"""How far numbers of a vector may lie apart after engines have scaled them again."""
BATCH: Final = 500


def batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Yield documents in lists of `BATCH`."""
    while batch := list(islice(documents, BATCH)):
        yield batch


def exchange_if_same(path: Path, old: Store, new: Store) -> None:
    """Put the new store in the place of the old one if both have the same documents. Closes both.

    Raises:
        StoreError: they have not; the new one is removed, and the old one is as it was.
    """
    require_same(old, new, [path])
    exchange(path)


def fresh(path: Path) -> Path:
    """Return where the new store is to be written, with nothing there."""
    remove_left_over(path)
    return beside(path, NEW)


def _same(old: Store, new: Store) -> bool:
    left = old.describe().count
    for batch in batches(old.documents()):
        theirs = {document.key: document for document in new.get([document.key for document in batch])}
        if not all(_equal(document, theirs.get(document.key)) for document in batch):
            return False
    return left == new.describe().count


def _equal(one: Document, other: Document | None) -> bool:
    if other is None or (one.text, dict(one.fields)) != (other.text, dict(other.fields)):
        return False
    if one.vector is None or other.vector is None:
        return one.vector is other.vector
    return one.vector.shape == other.vector.shape and bool(np.allclose(one.vector, other.vector, rtol=CLOSE, atol=CLOSE))


def require_same(old: Store, new: Store, paths: list[Path]) -> None:
    """Check that a new store has the same documents as the old one. Closes both.

    Raises:
        StoreError: it has not; what is new at the paths is removed.
    """
    same = _same(old, new)
    old.close()
    new.close()
    if not same:
        for path in paths:
            remove_left_over(path)
        message = "The rebuilt store differs from what is left of the old one, so the old one stays. Nothing was exchanged."
        raise StoreError(message, code="rebuild_differs")
