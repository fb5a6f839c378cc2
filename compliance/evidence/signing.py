"""What the platform's signing process calls. Nothing else in the platform holds a private key.

The order of events around a signature, all in one transaction with the record:

    envelope = sign_report(report, files, key)                       # or sign_release(release, key)
    entry = RecordEntry.of(kind=ATTESTATION_SIGNED, data=attestation_data(envelope), ...)
    nodes = merkle.nodes_completed_by(index, merkle.leaf_hash(leaf_bytes(entry)), get_node)
    note = sign_checkpoint(origin, size, merkle.root(size, get_node), log_key)

There is no `sign(bytes)`: each function signs one kind of statement, made from values that it checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import dsse
from .canonical import sha256_hex
from .checkpoints import Checkpoint, sign_note
from .statements import MODEL_SUBJECT, Release, Statement, Subject, UnlearningReport, report_folder


def sign_report(report: UnlearningReport, files: Mapping[str, str], key: Ed25519PrivateKey) -> bytes:
    """The bytes of the envelope file for a finished run.

    Args:
        report: what ran and what came out.
        files: SHA-256 by path inside the run's output folder, of every file that goes into bundles: `result.json`,
            `spec.json` and `outputs/...`. The signing process hashes them itself.
        key: an attestation key.
    """
    folder = report_folder(report.item, report.attempt)
    subjects = [Subject(f"{folder}/{name}", files[name]) for name in sorted(files)]
    return _sign(Statement((Subject(MODEL_SUBJECT, report.result_model_sha256), *subjects), report), key)


def sign_release(release: Release, key: Ed25519PrivateKey) -> bytes:
    """The bytes of the envelope file for a release."""
    return _sign(Statement((Subject(MODEL_SUBJECT, release.released_model_sha256),), release), key)


def attestation_data(envelope: bytes) -> dict[str, Any]:
    """The data of the `attestation.signed` entry that puts this envelope file into the record."""
    predicate = Statement.from_bytes(dsse.Envelope.from_bytes(envelope).body).predicate
    return {
        "item": predicate.item,
        "attempt": predicate.attempt,
        "predicate_type": predicate.predicate_type,
        "envelope_sha256": sha256_hex(envelope),
    }


def sign_checkpoint(origin: str, size: int, root: bytes, key: Ed25519PrivateKey) -> bytes:
    """The log's head as a signed note.

    The caller must never ask for a root that is inconsistent with an earlier checkpoint.
    """
    return sign_note(Checkpoint(origin, size, root).to_text(), origin, key).to_bytes()


def _sign(statement: Statement, key: Ed25519PrivateKey) -> bytes:
    return dsse.sign(statement.to_bytes(), key).to_bytes()
