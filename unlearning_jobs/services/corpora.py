"""Registers corpora as immutable snapshots, each known by its digest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction

from compliance.formats.record_kinds import RecordKind
from compliance.record.services import record_append
from unlearning_jobs.engine.corpora import snapshot_create
from unlearning_jobs.models import Corpus, CorpusSnapshot

from .ledger import snapshot_compare


def corpus_register(*, name: str, source: Path, actor: str, sets: Mapping[str, Path] | None = None) -> CorpusSnapshot:
    """Read and digest a corpus and store it as a snapshot; a later call with the same name adds another snapshot.

    What was erased before and came back with the corpus is found, and no training will use it.

    Raises:
        CorpusError: a source cannot be read, is empty, or has rows that do not fit; nothing is stored.
        LedgerError: a key of the erasure ledger is missing; the snapshot is stored, and no model can be trained on it.
        ValidationError: the name holds something else than letters, digits, hyphens and underscores.
    """
    # 1. Write a draft beside the other snapshots: the final rename must stay within one file system.
    Corpus(name=name).clean_fields()
    parent = settings.ARTEFACTS / "corpora" / name
    parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=parent))
    try:
        info = snapshot_create([source], draft / "snapshot", sets=sets or {})
        # 2. Row, record entry and folder appear together; the rename comes last, since it cannot be rolled back.
        with transaction.atomic():
            corpus, _created = Corpus.objects.get_or_create(name=name)
            folder = parent / info.digest[:16]
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
            (draft / "snapshot").rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    # 3. Look for what was erased. Should this fail, whatever would use the snapshot looks again first.
    return snapshot_compare(snapshot=snapshot)
