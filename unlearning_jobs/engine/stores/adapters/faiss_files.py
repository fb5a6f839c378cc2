"""FAISS, an index in a file. Flat, HNSW and IVF indexes of whole vectors are read; quantised ones keep no vector to
look for.

What an IVF index learnt (its centroids) stays: the means of vectors of which some are gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self, cast

import faiss
import numpy as np

from unlearning_jobs.engine.stores.adapters.sidecar import Labels, SidecarStore
from unlearning_jobs.engine.stores.store import StoreError, Vector

WHOLE: Final = (faiss.IndexFlat, faiss.IndexHNSWFlat, faiss.IndexIVFFlat)


class FaissStore(SidecarStore):
    """A FAISS index with its documents."""

    engine = f"faiss {faiss.__version__}"

    @property
    def keeps_labels(self) -> bool:  # type: ignore[override]  # it depends on the index
        return isinstance(self._index(), faiss.IndexIDMap) or isinstance(self._inner(), faiss.IndexIVFFlat)

    def _read(self) -> Any:
        try:
            index = faiss.read_index(str(self._path))
        except RuntimeError:
            raise self.unreadable() from None
        inner = _inner(index)
        if not isinstance(inner, WHOLE):
            message = "The index keeps no whole vectors, or is of a kind that cannot be read back: Flat, HNSW and IVF can."
            raise StoreError(message, code="not_supported")
        if isinstance(inner, faiss.IndexIVFFlat):
            inner.make_direct_map()
        return index

    def _inner(self) -> Any:
        return _inner(self._index())

    def _vectors(self, labels: Labels) -> Vector:
        index = self._index()
        positions = labels
        if isinstance(index, faiss.IndexIDMap):
            by_label = {label: i for i, label in enumerate(faiss.vector_to_array(index.id_map).tolist())}
            positions = np.array([by_label[label] for label in labels.tolist()], dtype=np.int64)
        return cast("Vector", np.stack([self._inner().reconstruct(int(position)) for position in positions]))

    def _search(self, vector: Vector, most: int) -> list[int]:
        found = self._index().search(np.asarray(vector, dtype=np.float32)[None], most)[1][0]
        return [label for label in found.tolist() if label >= 0]

    def _write(self, path: Path, vectors: Vector, labels: Labels) -> None:
        index = faiss.read_index(str(self._path))
        index.reset()
        if self.keeps_labels:
            index.add_with_ids(vectors, labels)
        else:
            index.add(vectors)
        faiss.write_index(index, str(path))

    def _dimensions(self) -> int:
        return int(self._index().d)

    def _beside(self, path: Path, documents: Path) -> Self:
        return type(self)(str(path), str(documents))


def _inner(index: Any) -> Any:
    return faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap) else index
