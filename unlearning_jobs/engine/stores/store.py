"""What every store can do, whatever holds its documents: read, delete, rebuild, and name each place where bytes may be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.errors import EngineError

Vector = NDArray[np.float32]

CHUNK: Final = 1 << 20
"""Bytes of a place that are read at once."""


class StoreError(EngineError):
    """A store cannot be used, or an erasure in it cannot go on. Messages name no document, and quote nothing from one."""

    code = "bad_store"


@dataclass(frozen=True)
class Document:
    """One entry of a store."""

    key: str
    text: str
    vector: Vector | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A file, table or log in which bytes of a document may remain."""

    name: str
    """What people see: a path below the store's, or a table. Ours, or the engine's; never that of a document."""
    kind: str
    """`store`, `log`, `left_over` (of a rebuild), `cache` (a folder that the spec names), `names` (of files)."""
    read: Callable[[], Iterator[bytes]]
    """Yields its bytes in order. Raises OSError or StoreError if they cannot be read."""


@dataclass(frozen=True)
class Description:
    """What a store says about itself."""

    engine: str
    """The engine with its version, as `chroma 1.5.9`."""
    count: int
    dimensions: int
    """Of its vectors; 0 if it has none."""
    searches: bool = True
    """The store itself finds the nearest vectors."""


class Store(Protocol):
    """One store, opened. Nothing is read before it is asked for, and `close` gives back whatever was taken."""

    def describe(self) -> Description: ...

    def documents(self) -> Iterator[Document]:
        """Yield every document, in no particular order."""
        ...

    def get(self, keys: Sequence[str]) -> list[Document]:
        """Return those documents that the store has under these keys, by the store's own look-up."""
        ...

    def nearest(self, vector: Vector, most: int) -> list[str]:
        """Return the keys of the nearest documents by the store's own search; empty if it has no vectors."""
        ...

    def check_writable(self) -> None:
        """Check that documents can be deleted here and now.

        Raises:
            StoreError: the store is read-only, or another process has it open.
        """
        ...

    def delete(self, keys: Collection[str]) -> None:
        """Delete documents as the engine does; keys that it does not have are no error."""
        ...

    def rebuild(self) -> None:
        """Make the engine's files anew from what is left, and overwrite the old ones. Twice does no harm.

        Raises:
            StoreError: the new ones differ from what is left; the store is then as it was.
        """
        ...

    def places(self) -> list[Place]:
        """Return every place where bytes of documents may remain."""
        ...

    def close(self) -> None: ...
