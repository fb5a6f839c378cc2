"""Registers corpora as immutable snapshots, each known by its digest."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction

from compliance.formats.record_kinds import RecordKind
from compliance.record.services import record_append
from unlearning_jobs.contents import contents_key
from unlearning_jobs.engine.corpora import ReadOptions, SnapshotInfo, snapshot_create
from unlearning_jobs.engine.corpora.object_store import Given
from unlearning_jobs.engine.corpora.reading import Report
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.ledger_keys import corpus_salt
from unlearning_jobs.models import Corpus, CorpusSnapshot

from .drafts import draft_alone, draft_place
from .indexes import indexes_order
from .ledger import snapshot_compare
from .snapshots import snapshot_open


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
    busy = f"Somebody else registers {name} at this moment; wait until they have finished."
    with draft_alone(parent, _is_stored, busy) as draft:
        info = snapshot_create(
            sources, draft / "snapshot", sets=sets or {}, salt=corpus_salt(name), options=options, on_plan=on_plan
        )
        on_read(info.sources)
        # 2. Row, record entry and folder appear together, unless the same snapshot is there.
        known = CorpusSnapshot.objects.filter(digest=info.digest).first()
        snapshot = _restored(known, draft) if known else _store(name, info, draft, actor)
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
        draft_place(draft, draft / "snapshot", folder)
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


def _is_stored(folder: Path) -> bool:
    return CorpusSnapshot.objects.filter(path=str(folder.relative_to(settings.ARTEFACTS))).exists()
