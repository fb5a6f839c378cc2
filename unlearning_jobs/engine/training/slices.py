"""A cache of the networks after each slice of a shard, keyed by what they were trained on.

A key is the digest of everything that shaped the network, and each file's digest covers its key: a file that was damaged,
or that lies under another key than its own, counts as missing. Two processes that train the same slice write the same
bytes, so no lock is needed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

DIGEST_BYTES = 32


@dataclass(frozen=True)
class SliceCache:
    """Weights by key: the file `<key>` holds safetensors behind their digest. Without a folder, nothing is kept."""

    folder: Path | None

    def read(self, key: str) -> dict[str, Tensor] | None:
        """Return the weights, on the CPU, or None if there are none, they are damaged, or they are those of another key."""
        if self.folder is None:
            return None
        try:
            content = (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None
        digest, weights = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        return load(weights) if _digest(key, weights) == digest else None

    def write(self, key: str, weights: Mapping[str, Tensor]) -> None:
        """Write the weights. A process killed meanwhile leaves nothing under the key."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
        draft = self.folder / f"{key}.{os.getpid()}.draft"
        draft.write_bytes(_digest(key, content) + content)
        draft.replace(self.folder / key)


def _digest(key: str, weights: bytes) -> bytes:
    digest = hashlib.sha256(f"{key}\n".encode())
    digest.update(weights)
    return digest.digest()
