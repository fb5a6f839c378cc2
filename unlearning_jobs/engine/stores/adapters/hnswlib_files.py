"""hnswlib, an index in a file. Its own delete only marks a vector, which stays in the file as it was."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any, Self

import hnswlib
import numpy as np

from unlearning_jobs.engine.stores.adapters.sidecar import Labels, SidecarStore
from unlearning_jobs.engine.stores.store import Vector


class HnswlibStore(SidecarStore):
    """An hnswlib index with its documents."""

    engine = f"hnswlib {importlib.metadata.version('hnswlib')}"

    def __init__(self, path: str, documents: str, space: str, dimensions: int) -> None:
        self._space, self._size = space, dimensions
        super().__init__(path, documents)

    def _read(self) -> Any:
        index = hnswlib.Index(space=self._space, dim=self._size)
        try:
            index.load_index(str(self._path))
        except RuntimeError:
            raise self.unreadable() from None
        return index

    def _vectors(self, labels: Labels) -> Vector:
        return np.asarray(self._index().get_items(labels), dtype=np.float32)

    def _search(self, vector: Vector, most: int) -> list[int]:
        index = self._index()
        most = min(most, index.element_count)
        if not most:
            return []
        index.set_ef(max(2 * most, 50))
        return [int(label) for label in index.knn_query(vector[None], k=most)[0][0]]

    def _write(self, path: Path, vectors: Vector, labels: Labels) -> None:
        old = self._index()
        new = hnswlib.Index(space=self._space, dim=self._size)
        new.init_index(max_elements=max(old.max_elements, 1), ef_construction=old.ef_construction, M=old.M)
        if len(labels):
            new.add_items(vectors, labels)
        new.save_index(str(path))

    def _dimensions(self) -> int:
        return self._size

    def _beside(self, path: Path, documents: Path) -> Self:
        return type(self)(str(path), str(documents), self._space, self._size)
