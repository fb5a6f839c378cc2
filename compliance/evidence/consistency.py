"""Checks that one checkpoint of the log extends an older one: nothing in between was rewritten, dropped or reordered."""

from __future__ import annotations

from collections.abc import Sequence

from compliance.formats.canonical import decode_base64, encode_base64
from compliance.formats.errors import FormatError
from compliance.formats.merkle import verify_consistency

from .checkpoints import Checkpoint, verify_checkpoint
from .trust import TrustFile

MAX_HASHES = 128


def proof_to_bytes(hashes: Sequence[bytes]) -> bytes:
    """Return a proof as text: one hash per line, in base64, as witnesses of C2SP logs send it."""
    return "".join(f"{encode_base64(value)}\n" for value in hashes).encode()


def proof_from_bytes(raw: bytes) -> tuple[bytes, ...]:
    """Read the text form (FormatError)."""
    lines = raw.decode("utf-8", "replace").splitlines()
    if len(lines) > MAX_HASHES:
        message = f"This is not a consistency proof: it has more than {MAX_HASHES} lines."
        raise FormatError(message)
    return tuple(decode_base64(line) for line in lines)


def verify_extension(old: bytes, new: bytes, proof: bytes | None, trust: TrustFile) -> tuple[Checkpoint, Checkpoint]:
    """Return both checkpoints, which keys of the log signed, and the second of which extends the first.

    Args:
        old: a signed checkpoint that was kept.
        new: a later one.
        proof: the hashes that connect them; not needed if both are of the same size.
        trust: the log's keys. A revoked one vouches for nothing.

    Raises:
        FormatError: something is not what it should be, or the proof is missing.
        VerificationError: a checkpoint is not signed by the log, or the second does not extend the first.
    """
    # 1. Both are this log's.
    keys = [key.public_key for key in trust.with_role("log") if not key.revoked_at]
    older, newer = (verify_checkpoint(raw, trust.origin, keys)[0] for raw in (old, new))
    if older.size > newer.size:
        message = (
            f"The first checkpoint has {older.size} entries and the second {newer.size}: give the older one first."
            " If the log's newest checkpoint is the smaller one, its entries were rolled back."
        )
        raise FormatError(message)
    # 2. The first entries of the newer tree are those of the older one.
    if proof is None and older.size < newer.size:
        message = (
            f"The checkpoints have {older.size} and {newer.size} entries, so a proof is needed. "
            f"Get it from the installation: /record/consistency/{older.size}/{newer.size}"
        )
        raise FormatError(message)
    verify_consistency(older.size, newer.size, older.root, newer.root, proof_from_bytes(proof or b""))
    return older, newer
