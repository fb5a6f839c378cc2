"""An entry's proof of inclusion as a text file that other tools can read (c2sp.org/tlog-proof@v1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.formats.canonical import decode_base64, encode_base64
from compliance.formats.errors import FormatError
from compliance.formats.merkle import leaf_hash, verify_inclusion

from .checkpoints import verify_checkpoint

HEADER = "c2sp.org/tlog-proof@v1"
INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True)
class TlogProof:
    """An entry's index in the log, its sibling hashes from the leaf up, and the signed checkpoint."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    """The signed note, verbatim."""

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read the text form (FormatError). An `extra` line is refused, because nothing authenticates it."""
        head, _, checkpoint = raw.partition(b"\n\n")
        lines = head.decode("utf-8", "replace").split("\n")
        index = INDEX.fullmatch(lines[1]) if lines[0] == HEADER and len(lines) > 1 else None
        if index is None or not checkpoint:
            message = f"This is not a proof of the form {HEADER}."
            raise FormatError(message)
        return cls(int(index[1]), tuple(decode_base64(line) for line in lines[2:]), checkpoint)

    def to_bytes(self) -> bytes:
        lines = [HEADER, f"index {self.index}", *map(encode_base64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    def verify(self, body: bytes, origin: str, keys: Sequence[Ed25519PublicKey]) -> None:
        """Raise EvidenceError unless the entry `body` is in the log `origin`, which signs with one of `keys`."""
        checkpoint, _ = verify_checkpoint(self.checkpoint, origin, keys)
        verify_inclusion(leaf_hash(body), self.index, checkpoint.size, self.hashes, checkpoint.root)
