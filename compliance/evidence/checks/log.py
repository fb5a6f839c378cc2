"""Steps about the log: the keys, the checkpoint, and the entries under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from compliance.evidence.bundle import CHECKPOINT, TRUST, BundleFolder, ProvenEntry
from compliance.evidence.checkpoints import Checkpoint, verify_checkpoint
from compliance.evidence.consistency import verify_older
from compliance.evidence.record import REQUEST_PREFIX, EntryBody, leaf_bytes
from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.formats.canonical import parse_time
from compliance.formats.errors import VerificationError
from compliance.formats.merkle import leaf_hash, verify_inclusion
from compliance.formats.record_kinds import RecordKind


@dataclass(frozen=True)
class VerifiedCheckpoint:
    """The log's head and the ids of the log's keys that signed it."""

    checkpoint: Checkpoint
    signers: frozenset[str]
    older: int = 0
    """How many earlier checkpoints the bundle shows that it extends."""

    @property
    def extends(self) -> str:
        """That in words; empty if there are none."""
        checkpoints = "checkpoint" if self.older == 1 else "checkpoints"
        return f", which extend {self.older} earlier {checkpoints} of it" if self.older else ""


@dataclass(frozen=True)
class History:
    """The entries of one request from the first to the seal, and the entries about other subjects in the bundle."""

    request: str
    """The request's reference, such as `LE-7KQ4-M2XD`."""
    entries: tuple[ProvenEntry, ...]
    others: tuple[ProvenEntry, ...]

    @property
    def recoveries(self) -> list[EntryBody]:
        """The entries that say that the log was started again."""
        return self.others_of_kind(RecordKind.LOG_RECOVERED)

    @property
    def bodies(self) -> list[EntryBody]:
        return [proven.entry for proven in self.entries]

    def of_kind(self, *kinds: str) -> list[ProvenEntry]:
        return [proven for proven in self.entries if proven.entry.kind in kinds]

    def others_of_kind(self, kind: str) -> list[EntryBody]:
        return [proven.entry for proven in self.others if proven.entry.kind == kind]


def read_trust(folder: BundleFolder, own_trust: bytes | None) -> TrustFile:
    """Return the keys to verify with: `own_trust`, or the bundle's trust file, which must be well formed either way.

    A trust file may be older than the bundle. What the bundle's own says about the end of a key counts as well: it can only
    take a key away, never add one.
    """
    published = TrustFile.from_bytes(folder.read(TRUST))
    if own_trust is None:
        return published
    ends, own = {key.key_id: key for key in published.keys}, TrustFile.from_hand(own_trust)
    return replace(own, keys=tuple(_ended(key, ends.get(key.key_id, key)) for key in own.keys))


def read_checkpoint(folder: BundleFolder, trust: TrustFile) -> VerifiedCheckpoint:
    """Return the checkpoint, which a key of the log must have signed, and nobody else; it extends the earlier ones."""
    keys = [key.public_key for key in trust.with_role("log")]
    checkpoint, signers = verify_checkpoint(folder.read(CHECKPOINT), trust.origin, keys)
    older = folder.older()
    verify_older(older, checkpoint, trust)
    return VerifiedCheckpoint(checkpoint, signers, len(older))


def read_record(folder: BundleFolder, checkpoint: Checkpoint) -> tuple[ProvenEntry, ...]:
    """Return the lines of the record. Each must be in the log under the checkpoint, and they must be in the log's order."""
    record = folder.record()
    for proven in record:
        leaf = leaf_hash(leaf_bytes(proven.entry))
        verify_inclusion(leaf, proven.index, checkpoint.size, proven.hashes, checkpoint.root)
    indexes = [proven.index for proven in record]
    if indexes != sorted(set(indexes)):
        message = "The lines of record.jsonl are not in the order of the log, or one is repeated."
        raise VerificationError(message)
    return record


def read_history(record: Sequence[ProvenEntry], request: str | None = None) -> History:
    """Return the history of the one request in the record: numbered without gaps, in order of time, opened once, sealed.

    If `request` is given, the history must be the one of the request with that reference.
    """
    subjects = {proven.entry.subject for proven in record if proven.entry.subject.startswith(REQUEST_PREFIX)}
    if len(subjects) != 1:
        message = f"The record is about {len(subjects)} requests; a bundle is about one."
        raise VerificationError(message)
    subject = subjects.pop()
    entries = tuple(proven for proven in record if proven.entry.subject == subject)
    others = tuple(proven for proven in record if proven.entry.subject != subject)
    history = History(subject.removeprefix(REQUEST_PREFIX), entries, others)
    if request not in (None, history.request):
        message = f"The record is about request {history.request}, not about {request}."
        raise VerificationError(message)
    _check_numbers(history.bodies)
    _check_seal(history.bodies[-1])
    _check_recoveries(history.recoveries)
    if len(history.of_kind(RecordKind.REQUEST_SUBMITTED)) != 1:
        message = f"The history must contain {RecordKind.REQUEST_SUBMITTED} exactly once."
        raise VerificationError(message)
    return history


def recovered_words(history: History) -> str:
    """Return what the operator recorded about every time that the log was started again, such as from a backup."""
    return "".join(
        f". On {entry.at} the log was started again at {entry.data['new_size']} entries, although one of"
        f" {entry.data['old_size']} had been signed; the operator's reason: {entry.data['reason']!a}"
        for entry in history.recoveries
    )


def check_published(folder: BundleFolder, history: History, trust: TrustFile, head: VerifiedCheckpoint) -> None:
    """Check that the record publishes trust.json, and that the log's keys were valid at the time of the latest entry."""
    digests = [entry.data["trust_sha256"] for entry in history.others_of_kind(RecordKind.KEYS_PUBLISHED)]
    if digests != [folder.sha256(TRUST)]:
        message = f"The bundle's record must contain one {RecordKind.KEYS_PUBLISHED} entry, with the digest of trust.json."
        raise VerificationError(message)
    latest = max(proven.entry.moment for proven in (*history.entries, *history.others))
    for key in trust.with_role("log"):
        if key.key_id not in head.signers:
            continue
        # A revoked log key vouches for nothing: without an outside witness, nobody knows when it signed a checkpoint.
        problem = f"it was revoked at {key.revoked_at}" if key.revoked_at else key.problem_at(latest)
        if problem:
            message = f"The log's key {key.key_id} cannot vouch for this checkpoint: {problem}."
            raise VerificationError(message)


def _ended(key: TrustedKey, published: TrustedKey) -> TrustedKey:
    """Return a key that ends when either of two trust files says so."""
    revoked = [moment for moment in (key.revoked_at, published.revoked_at) if moment is not None]
    valid = [moment for moment in (key.valid_until, published.valid_until) if moment is not None]
    return replace(
        key,
        revoked_at=min(revoked, key=parse_time) if revoked else None,
        valid_until=min(valid, key=parse_time) if valid else None,
    )


def _check_numbers(entries: Sequence[EntryBody]) -> None:
    numbers = [entry.number for entry in entries]
    expected = range(1, len(entries) + 1)
    if numbers != list(expected):
        missing = sorted((Counter(expected) - Counter(numbers)).elements())
        message = f"The request's entries are not numbered 1 to {len(entries)}; missing or out of order: {missing[:5]}."
        raise VerificationError(message)
    for earlier, later in pairwise(entries):
        if later.moment < earlier.moment:
            message = f"Entry number {later.number} of the request is older than the one before it."
            raise VerificationError(message)


def _check_recoveries(recoveries: Sequence[EntryBody]) -> None:
    """Check that no entry between others is missing which says that the log was started again."""
    if [entry.number for entry in recoveries] != list(range(1, len(recoveries) + 1)):
        message = f"The entries {RecordKind.LOG_RECOVERED} are not numbered 1 to {len(recoveries)}; one was left out."
        raise VerificationError(message)
    if not all(isinstance(entry.data.get("reason"), str) for entry in recoveries):
        message = f"An entry {RecordKind.LOG_RECOVERED} does not say why."
        raise VerificationError(message)


def _check_seal(last: EntryBody) -> None:
    if last.kind != RecordKind.RECORD_SEALED or last.data["entries"] != last.number:
        message = (
            f"The history's last entry is {last.kind} (number {last.number}), not the seal that counts the entries; "
            "later entries were left out, or the history was not sealed before the export."
        )
        raise VerificationError(message)
