"""Whether the members of each row of an archive followed each other: a name that comes again was cut apart."""

from __future__ import annotations

from array import array

import numpy as np


class Keys:
    """The names of rows that have ended, eight bytes for each; a row takes a thousand in its archive."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, key: str) -> None:
        """Note the name of the next row."""
        self._hashes.append(hash(key))

    def repeated(self) -> int:
        """Return the number of the first row whose name an earlier one had; zero if there is none."""
        hashes = np.frombuffer(self._hashes, dtype=np.int64) if self._hashes else np.zeros(0, np.int64)
        if len(np.unique(hashes)) == len(hashes):
            return 0
        first = np.unique(hashes, return_index=True)[1]
        return 1 + int(np.setdiff1d(np.arange(len(hashes)), first)[0])
