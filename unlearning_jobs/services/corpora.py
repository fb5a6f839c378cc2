"""Registers corpora as immutable snapshots, each known by its digest."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from unlearning_jobs.contents import contents_key
from unlearning_jobs.engine.corpora import ReadOptions, SnapshotInfo, snapshot_create
from unlearning_jobs.engine.corpora.object_store import Given
from unlearning_jobs.engine.corpora.reading import Report
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.ledger_keys import corpus_salt
from unlearning_jobs.models import Corpus, CorpusSnapshot

from .indexes import indexes_order
from .ledger import snapshot_compare
from .snapshots import snapshot_open

DRAFT = ".draft-"
PLACE = "place"
"""The file of a draft that names the folder to which its snapshot moves."""


def corpus_register(
    *,
    name: str,
    sources: Sequence[Given],
    actor: str,
    sets: Mapping[str, Given] | None = None,
    options: ReadOptions | None = None,
    on_plan: Report = lambda _: None,
    on_read: Report = lambda _: None,
) -> CorpusSnapshot:
    """Read and digest a corpus and store it as a snapshot; a later call with the same name adds another snapshot.

    The same files read in the same way give the same digest, and no second snapshot. What was erased before and came back
    with the corpus is found, and no training will use it. `on_plan` is told the roles of all columns before anything is
    written, `on_read` what became of the rows.

    Raises:
        CorpusError: a source cannot be read, is empty, or has rows that do not fit; nothing is stored.
        LedgerError: a key of the erasure ledger is missing; the snapshot is stored, and no model can be trained on it.
        ContentsUnknownError: the key of contents is gone; nothing is stored.
        StaleStateError: somebody else registers the same corpus at this moment.
        ValidationError: the name holds something else than letters, digits, hyphens and underscores.
    """
    contents_key()  # raises before anything is read
    # 1. Write a draft beside the other snapshots: the final rename must stay within one file system.
    Corpus(name=name).clean_fields()
    parent = settings.ARTEFACTS / "corpora" / name
    parent.mkdir(parents=True, exist_ok=True)
    with _alone(parent):
        for leftover in parent.glob(f"{DRAFT}*"):  # of a registration that was killed
            _remove(leftover)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=parent))
        try:
            info = snapshot_create(
                sources, draft / "snapshot", sets=sets or {}, salt=corpus_salt(name), options=options, on_plan=on_plan
            )
            on_read(info.sources)
            # 2. Row, record entry and folder appear together, unless the same snapshot is there.
            known = CorpusSnapshot.objects.filter(digest=info.digest).first()
            snapshot = _restored(known, draft) if known else _store(name, info, draft, actor)
        finally:
            _remove(draft)
    # 3. Order its indexes, for whoever registers it or for a worker to build.
    indexes_order(snapshot=snapshot)
    # 4. Look for what was erased. Should this fail, whatever would use the snapshot looks again first.
    return snapshot_compare(snapshot=snapshot)


def _store(name: str, info: SnapshotInfo, draft: Path, actor: str) -> CorpusSnapshot:
    """Write the row and the record entry, and move the folder to its place last, since that cannot be rolled back."""
    folder = draft.parent / info.digest[:16]
    with transaction.atomic():
        corpus, _created = Corpus.objects.get_or_create(name=name)
        snapshot = CorpusSnapshot.objects.create(
            corpus=corpus,
            digest=info.digest,
            merkle_root=info.merkle_root,
            path=str(folder.relative_to(settings.ARTEFACTS)),
            counts=dict(info.counts),
        )
        record_append(
            subject=f"corpus:{name}",
            kind=RecordKind.CORPUS_REGISTERED,
            actor=actor,
            data={"snapshot_sha256": info.digest, "manifest_root": info.merkle_root, "counts": dict(info.counts)},
        )
        (draft / PLACE).write_text(folder.name, encoding="utf-8")
        (draft / "snapshot").rename(folder)
    return snapshot


def _restored(snapshot: CorpusSnapshot, draft: Path) -> CorpusSnapshot:
    """Return the snapshot that was registered before. If its files are gone or damaged, the draft's replace them."""
    folder = settings.ARTEFACTS / snapshot.path
    try:
        snapshot_open(snapshot=snapshot, fully=True)
    except CorpusError:
        shutil.rmtree(folder, ignore_errors=True)
        (draft / "snapshot").rename(folder)
    return snapshot


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Keep other registrations of the corpus out. The lock ends with the process, however that ends."""
    with (parent / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Somebody else registers {parent.name} at this moment; wait until they have finished."
            raise StaleStateError(message) from None
        yield


def _remove(draft: Path) -> None:
    """Remove a draft, and the folder that its snapshot moved to if the row was never committed."""
    place = draft / PLACE
    folder = draft.parent / place.read_text(encoding="utf-8") if place.is_file() else draft
    path = str(folder.relative_to(settings.ARTEFACTS))
    if folder.is_dir() and not CorpusSnapshot.objects.filter(path=path).exists():
        shutil.rmtree(folder)
    shutil.rmtree(draft, ignore_errors=True)
