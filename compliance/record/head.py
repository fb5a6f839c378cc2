"""What the signing process remembers on its own disk: the last head of the log that it signed, and a standing alarm.

The database cannot vouch for itself: a superuser can rewrite entries and rebuild the tree, drop checkpoints, or restore an
old backup. So before every signature the log is compared with a head that the database cannot reach:

- every time: the stored subtrees of the signed tree give the signed root, its checkpoint is in the database, and everything
  after it is hashed again from the entries' bodies;
- before every statement about a request, and every LOG_FULL_CHECK_SECONDS: every entry is hashed again from its body,
  stands in the row that its body names, and has its subject's next number; every checkpoint is compared with its root, and
  all checkpoints with those that this process remembers. That takes about 0.05 seconds per 1,000 entries.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db.models import Max

from compliance.evidence.checkpoints import Checkpoint, SignedNote, verify_checkpoint
from compliance.formats.errors import EvidenceError
from compliance.formats.merkle import EMPTY_ROOT, MerkleTree, root

from .errors import ContradictionError, LogInconsistentError
from .keys import signing_folder
from .models import RecordLeaf, SignedCheckpoint, SignerAlarm
from .selectors import alarm_standing
from .services import node_hash_stored

HEAD = "last-checkpoint"
ALARM = "alarm"
FULL_CHECK = "last-full-check"
CHECKPOINTS = "checkpoints"
"""Size of the newest checkpoint at the last full check, how many there were, and a digest over all of them."""
LOCK = "lock"
COLUMNS = ("entry__subject", "entry__number", "entry__kind")
CHUNK = 1000
"""Entries that are read at a time."""


@contextmanager
def head_locked() -> Iterator[None]:
    """Keep other signing processes from signing a checkpoint until the head file says what was signed."""
    with (signing_folder() / LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def alarm_on_inconsistency() -> Iterator[None]:
    """Raise the alarm if what runs inside finds a fault in the log or in a statement.

    A transaction around it would undo the alarm.
    """
    try:
        yield
    except LogInconsistentError as error:
        _alarm_raise(str(error))
        raise
    except ContradictionError as error:
        # Somebody who has seen this very contradiction and cleared the alarm lets everything else go on without it.
        if not SignerAlarm.objects.filter(state=SignerAlarm.State.RAISED, reason=str(error)).exists():
            _alarm_raise(str(error))
        raise


def _alarm_raise(reason: str) -> None:
    # The file counts for this process: nobody clears it through the database. The row tells the other processes.
    path = signing_folder() / ALARM
    if not path.exists():
        _write(path, reason)
    if not alarm_standing():
        SignerAlarm.objects.create(state=SignerAlarm.State.RAISED, reason=reason)


def alarm_clear() -> None:
    (signing_folder() / ALARM).unlink(missing_ok=True)


def alarm_reason() -> str:
    """Return why the signing process raised its alarm; empty while none stands."""
    path = signing_folder() / ALARM
    return path.read_text(encoding="utf-8") if path.exists() else ""


def head_read() -> Checkpoint:
    """Return the last signed head; the empty tree's if none is remembered (LogInconsistentError if the file is damaged)."""
    try:
        note = SignedNote.from_bytes((signing_folder() / HEAD).read_bytes())
        return Checkpoint.from_text(note.text)
    except FileNotFoundError:
        return Checkpoint(settings.LOG_ORIGIN, 0, EMPTY_ROOT)
    except EvidenceError as error:
        _inconsistent(f"the file {HEAD} is damaged ({error})")


def head_write(note: str) -> None:
    """Remember a head. After a crash, the file has the old note or the new one."""
    _write(signing_folder() / HEAD, note)


def head_verified(key: Ed25519PublicKey) -> Checkpoint:
    """Return the head that the next signature must extend, after checking that the log extends it now.

    It is the remembered head, or a newer checkpoint in the database: the process may have been stopped between the commit
    and the writing of the file, and an installation from before this file has none.

    Raises:
        LogInconsistentError: the log is another one, or an alarm stands.
    """
    # 1. An alarm stands until somebody recovers from it, even if the log looks right again.
    if reason := alarm_reason():
        raise LogInconsistentError(reason)
    # 2. The remembered head: nothing lost, its checkpoint still there.
    head, size = head_read(), log_size()
    if head.origin != settings.LOG_ORIGIN:
        _inconsistent(f"the last head belongs to the log {head.origin}, not to {settings.LOG_ORIGIN}")
    if size < head.size:
        _inconsistent(f"the log has {size} entries, but {head.size} were signed")
    signed = SignedCheckpoint.objects.filter(size=head.size).first()
    if head.size and (signed is None or bytes(signed.root) != head.root):
        _inconsistent(f"the checkpoint of {head.size} entries is missing or changed")
    # 3. A newer checkpoint must be signed by this log and extend the head.
    newest = SignedCheckpoint.objects.order_by("size").last()
    if newest is None or newest.size == head.size:
        log_root(head, head.size)
        return head
    newer = _checkpoint_of(newest, key)
    if newer.size > size or log_root(head, newer.size) != newer.root:
        _inconsistent(f"the checkpoint of {newer.size} entries does not fit the log")
    return newer


def log_size() -> int:
    """Return how many entries have a place in the log."""
    last = RecordLeaf.objects.aggregate(last=Max("index"))["last"]
    return 0 if last is None else last + 1


def log_root(head: Checkpoint, size: int) -> bytes:
    """Return the root of the first `size` entries, after checking that they extend the tree of `head`.

    Raises:
        LogInconsistentError: they do not.
    """
    # 1. The subtrees of the signed tree give its root. Their hashes are in the database, but the root is not.
    tree = MerkleTree.resume(head.size, node_hash_stored)
    if tree.root() != head.root:
        _inconsistent(f"the first {head.size} entries are not those that were signed")
    # 2. Later entries count as their bodies say, whatever hashes are stored.
    for body in _bodies(head.size, size):
        tree.add(body)
    # 3. Proofs are made from the stored hashes, so these must give the same root.
    if tree.root() != root(size, node_hash_stored):
        _inconsistent(f"the stored hashes of the entries from {head.size} on are not those of the entries")
    return tree.root()


def log_check_all() -> Checkpoint:
    """Check every entry, its row and its number, and every checkpoint; return the log's size and root.

    Raises:
        LogInconsistentError: an entry, its row, the order, a stored hash or a checkpoint was changed or is missing.
    """
    size, tree, numbers = log_size(), MerkleTree(), Counter[str]()
    for start in range(0, size, CHUNK):
        end = min(start + CHUNK, size)
        signed = dict(SignedCheckpoint.objects.filter(size__gt=start, size__lte=end).values_list("size", "root"))
        for body in _bodies(start, end, numbers):
            tree.add(body)
            if tree.count in signed and tree.root() != bytes(signed[tree.count]):
                _inconsistent(f"the first {tree.count} entries are not those of their checkpoint")
    if larger := SignedCheckpoint.objects.filter(size__gt=size).first():
        _inconsistent(f"the log has {size} entries, but there is a checkpoint of {larger.size}")
    if tree.root() != root(size, node_hash_stored):
        _inconsistent("the stored hashes are not those of the entries")
    _checkpoints_check()
    return Checkpoint(settings.LOG_ORIGIN, size, tree.root())


def log_check_all_when_due() -> None:
    """Check the whole log if the last time was more than LOG_FULL_CHECK_SECONDS ago."""
    path = signing_folder() / FULL_CHECK
    if not path.exists() or time.time() - path.stat().st_mtime >= settings.LOG_FULL_CHECK_SECONDS:
        log_check_all()
        path.touch(mode=0o600)


def checkpoints_forget() -> None:
    """Forget which checkpoints there were, because a restored database has others."""
    (signing_folder() / CHECKPOINTS).unlink(missing_ok=True)


def _checkpoints_check() -> None:
    """Compare the checkpoints with those of the last full check, and remember the newer ones with them."""
    path = signing_folder() / CHECKPOINTS
    if path.exists():
        remembered = path.read_text(encoding="ascii")
        size = int(remembered.split()[0])
        if _checkpoints_until(size) != remembered:
            _inconsistent(f"the checkpoints up to that of {size} entries are not those that were there before")
    newest = SignedCheckpoint.objects.aggregate(newest=Max("size"))["newest"]
    if newest is not None:
        _write(path, _checkpoints_until(newest))


def _checkpoints_until(size: int) -> str:
    """Return a size, the number of checkpoints up to it, and a digest over them."""
    count, digest = 0, hashlib.sha256()
    notes = SignedCheckpoint.objects.filter(size__lte=size).order_by("size").values_list("note", flat=True)
    for count, note in enumerate(notes.iterator(), start=1):  # noqa: B007  # the last count is the number
        digest.update(note.encode())
    return f"{size} {count} {digest.hexdigest()}"


def _bodies(start: int, end: int, numbers: Counter[str] | None = None) -> Iterator[bytes]:
    """Yield the bodies of the entries in the log from `start` to before `end`; none may be missing.

    Rows are found by their columns and only bodies are hashed, so both must say the same. With `numbers`, which counts the
    entries of each subject from the first entry of the log on, every entry must have its subject's next number.
    """
    rows = RecordLeaf.objects.order_by("index").values_list("index", "entry__body", *COLUMNS)
    for first in range(start, end, CHUNK):
        expected = range(first, min(first + CHUNK, end))
        found = {index: (bytes(body), columns) for index, body, *columns in rows.filter(index__in=expected)}
        for index in expected:
            if index not in found:
                _inconsistent(f"entry {index} is missing in the log")
            body, columns = found[index]
            said = json.loads(body)
            if columns != [said["subject"], said["number"], said["kind"]]:
                _inconsistent(f"entry {index} stands in the row of another subject, number or kind")
            if numbers is not None:
                numbers[said["subject"]] += 1
                if numbers[said["subject"]] != said["number"]:
                    _inconsistent(f"entry {index} has not the next number of its subject")
            yield body


def _checkpoint_of(row: SignedCheckpoint, key: Ed25519PublicKey) -> Checkpoint:
    """Return the signed checkpoint in a row, which must say the same."""
    try:
        checkpoint, _signers = verify_checkpoint(row.note.encode(), settings.LOG_ORIGIN, [key])
    except EvidenceError as error:
        _inconsistent(f"the checkpoint of {row.size} entries is not signed by this log ({error})")
    if (checkpoint.size, checkpoint.root) != (row.size, bytes(row.root)):
        _inconsistent(f"the checkpoint of {row.size} entries says something else than it signed")
    return checkpoint


def _write(path: Path, text: str) -> None:
    """Replace a file of mode 0600, durably."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too, must survive a crash
    finally:
        os.close(folder)


def _inconsistent(what: str) -> NoReturn:
    message = f"The record is not the one that was signed before: {what}."
    raise LogInconsistentError(message)
