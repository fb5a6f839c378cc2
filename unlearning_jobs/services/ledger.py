"""The erasure ledger: writes what a release erased, and finds it again in corpora. docs/ledger.md says who obeys it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.formats.canonical import sha256_hex
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from compliance.record.services import SYSTEM, record_append
from unlearning_jobs.contents import ContentsUnknownError, contents_key
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.corpora import Example, Snapshot, erasure_content
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.ledger_keys import LedgerError, key_named, newest_key
from unlearning_jobs.models import CorpusSnapshot, ErasedExample, ErasureEntry, Job, ModelVersion
from unlearning_jobs.queue import COMPARE_TASK, enqueue_on_commit
from unlearning_jobs.selectors import examples_by_id
from unlearning_jobs.wording import ids_named

from .contents import contents_note

MOST_NAMED = 20
"""How many example ids a sentence names."""


class LedgerMovedError(LedgerError):
    """Something was erased since the snapshot was compared with the ledger. Compare it again."""


@transaction.atomic
def ledger_enter(*, version: ModelVersion, actor: str) -> int:
    """Write what an unlearned version has erased into the ledger, in the transaction of its release; return how much.

    A suppression changes no weights and erases nothing. A second call for the same release adds nothing.

    Raises:
        LedgerError: the examples cannot be read, or no key can be used; nothing is written.
    """
    # 1. Whatever unlearns erases; what is only suppressed does not. An unknown method counts as one that erases.
    job, snapshot = version.made_by, version.snapshot
    method = METHODS.get(job.method_name)
    if method and method.guarantee == "suppression":
        return 0
    ledger_lock()
    given = {"subject": job.subject, "item": job.item, "snapshot_sha256": snapshot.digest}
    known = set(ErasureEntry.objects.filter(**given).values_list("example_id", flat=True))
    ids = [example_id for example_id in job.spec["forget_ids"] if example_id not in known]
    if not ids and _is_recorded(job):
        return 0
    # 2. Digest the examples themselves. A restored database may have got some or all of them back from the second copy.
    try:
        examples = examples_by_id(snapshot, ids)
    except CorpusError as error:
        raise LedgerError(_("What was erased cannot be noted in the ledger. %(problem)s") % {"problem": error}) from error
    entries = _entries(given | {"attempt": job.attempt}, [examples[example_id] for example_id in ids])
    # 3. Write them, record all that this release has erased, and have every corpus searched for them.
    entries_insert(entries)
    batch = entries_of_release(job)
    data = {"item": job.item, "attempt": job.attempt, "examples": len(batch), "entries_sha256": entries_digest(batch)}
    record_append(subject=job.subject, kind=RecordKind.ERASURE_ENTERED, actor=actor, data=data)
    enqueue_on_commit(COMPARE_TASK, queue="matching")
    return len(entries)


@transaction.atomic
def ledger_withhold(*, subject: str, contents: Mapping[CorpusSnapshot, Mapping[str, str]], actor: str) -> int:
    """Write into the ledger what no model in use knows as a request ends, so that none learns it; return how much.

    Such entries have no item, and attempt 0: nothing was released for them. The digest of each example is that which was
    noted while its corpus could be read (`contents.content_digest`), so that no end waits for a folder.
    """
    ledger_lock()
    given, now = {"subject": subject, "item": "", "attempt": 0, "key_id": contents_key().id}, timezone.now()
    entries = [
        ErasureEntry(**given, snapshot_sha256=snapshot.digest, digest=digest, example_id=example_id, entered_at=now)
        for snapshot, digests in contents.items()
        for example_id, digest in sorted(digests.items())
    ]
    if entries:
        # After a restore, the second copy has brought back what an end had entered, perhaps more, perhaps by another key.
        entries_insert(entries)
        held = ErasureEntry.objects.filter(subject=subject, item="", attempt=0)
        data = {"item": "", "attempt": 0, "examples": len(entries), "entries_sha256": entries_digest(held)}
        record_append(subject=subject, kind=RecordKind.ERASURE_ENTERED, actor=actor, data=data)
        enqueue_on_commit(COMPARE_TASK, queue="matching")
    return len(entries)


def _entries(given: Mapping[str, Any], examples: Iterable[Example]) -> list[ErasureEntry]:
    """Return, unsaved, an entry for each example."""
    key, now = newest_key(), timezone.now()
    return [
        ErasureEntry(
            **given,
            key_id=key.id,
            digest=key.digest(erasure_content(example)),
            example_id=example.id,
            entered_at=now,
        )
        for example in examples
    ]


def entries_of_release(job: Job) -> QuerySet[ErasureEntry]:
    """Return the entries of everything that a released job erased, whichever attempt entered them first.

    After a restore, an item is released once more: under another attempt, and over entries that the second copy kept.
    """
    given = {"subject": job.subject, "item": job.item, "snapshot_sha256": job.snapshot.digest}
    return ErasureEntry.objects.filter(**given, example_id__in=job.spec["forget_ids"])


def _is_recorded(job: Job) -> bool:
    entered = entries_of(subject=job.subject, kinds=(RecordKind.ERASURE_ENTERED,))
    return (job.item, job.attempt) in [entry.attempt for entry in entered]


def ledger_lock() -> None:
    """Let nobody else write to the ledger until this transaction ends, so that ids grow in the order of commits.

    Comparing a snapshot goes on after the newest entry that it has seen. It must not miss one that was committed late.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('erasure-ledger', 0))")


def require_no_copies(version: ModelVersion, under_way: Collection[str] = ()) -> None:
    """Raise StaleStateError if a version knows, under another id, what it has just erased: then it has not been erased.

    Call it once the release is in the ledger. What is `under_way` is to be erased from the version by other items.

    Raises:
        LedgerError: a key of the ledger is missing, or the snapshot cannot be read.
    """
    try:
        snapshot_compare(snapshot=version.snapshot)
    except CorpusError as error:
        raise LedgerError(
            _("What was erased cannot be compared with the corpus. %(problem)s") % {"problem": error}
        ) from error
    entries = entries_of_release(version.made_by)
    places = ErasedExample.objects.filter(snapshot=version.snapshot, entry__in=entries, in_training=True)
    known = set(places.values_list("example_id", flat=True)) - {*version.left_out, *version.erased_ids, *under_way}
    if known:
        message = _(
            "%(model)s still knows the same content in other examples: %(examples)s. Search again, add them to the matches,"
            " and have them removed as well."
        )
        raise StaleStateError(message % {"model": version, "examples": ids_named(known, MOST_NAMED)})


def require_compared(snapshot: CorpusSnapshot) -> None:
    """Raise LedgerMovedError unless the snapshot was compared with the whole ledger; call it with the ledger locked."""
    if ErasureEntry.objects.filter(pk__gt=snapshot.compared_with).exists():
        message = f"Something was erased since {snapshot} was compared with the ledger."
        raise LedgerMovedError(message)


def entries_insert(entries: Sequence[ErasureEntry]) -> None:
    """Insert new entries, with the places that releases name. The caller holds the lock and writes the record.

    What was withheld without a release lies in any set: comparing the corpora finds its places, and says in which.
    """
    last = ErasureEntry.objects.aggregate(last=Max("pk"))["last"] or 0
    ErasureEntry.objects.bulk_create(entries, ignore_conflicts=True)
    snapshots = CorpusSnapshot.objects.in_bulk({entry.snapshot_sha256 for entry in entries}, field_name="digest")
    ErasedExample.objects.bulk_create(
        ErasedExample(snapshot=snapshots[entry.snapshot_sha256], example_id=entry.example_id, entry=entry, in_training=True)
        for entry in ErasureEntry.objects.filter(pk__gt=last)
        if entry.item and entry.snapshot_sha256 in snapshots
    )


def entries_digest(entries: Iterable[ErasureEntry]) -> str:
    """Return the digest of these entries in any order; what was erased twice counts once."""
    return sha256_hex("\n".join(sorted({f"{entry.key_id} {entry.digest}" for entry in entries})).encode())


def ledger_digest() -> str:
    """Return the digest of the whole ledger: the state that a model version has obeyed."""
    return entries_digest(ErasureEntry.objects.only("key_id", "digest"))


def snapshot_compare(*, snapshot: CorpusSnapshot, afresh: bool = False) -> CorpusSnapshot:
    """Find in a snapshot what was erased since it was last compared with the ledger. Costs nothing if that is nothing.

    With `afresh`, what was found before is not relied on: the snapshot is compared with every entry. Call it outside a
    transaction; only a release compares within its own (`require_no_copies`), and locks nothing afterwards.

    Raises:
        LedgerError: a key of the ledger is missing; of the contents' key, once the snapshot is compared.
        CorpusError: the snapshot cannot be read.
    """
    compared = _compared(snapshot, afresh)
    # What it contains, for whatever is accepted later: if that cannot be noted, it has been compared all the same.
    contents_note(snapshot=snapshot)
    compared.refresh_from_db(fields=["contents_key"])
    return compared


def _compared(snapshot: CorpusSnapshot, afresh: bool) -> CorpusSnapshot:
    # 1. The new entries, by what makes them recognisable. Read outside a transaction: it may take minutes.
    snapshot = CorpusSnapshot.objects.select_related("corpus").get(pk=snapshot.pk)
    entries = list(ErasureEntry.objects.filter(pk__gt=0 if afresh else snapshot.compared_with))
    if not entries:
        return snapshot
    found = list(_found(snapshot, entries))
    # 2. Note where they lie, and how far the comparison has come.
    with transaction.atomic():
        snapshot = (
            CorpusSnapshot.objects.select_for_update(of=("self",), no_key=True).select_related("corpus").get(pk=snapshot.pk)
        )
        before = snapshot.erased_ids
        ErasedExample.objects.bulk_create(found, ignore_conflicts=True)
        snapshot.compared_with = max(snapshot.compared_with, entries[-1].pk)
        snapshot.save(update_fields=["compared_with"])
        if new := snapshot.erased_ids - before:
            data = {"snapshot_sha256": snapshot.digest, "found": len(new), "ledger_sha256": ledger_digest()}
            subject = f"corpus:{snapshot.corpus.name}"
            record_append(subject=subject, kind=RecordKind.CORPUS_COMPARED, actor=SYSTEM, data=data)
    return snapshot


def _found(snapshot: CorpusSnapshot, entries: Sequence[ErasureEntry]) -> Iterator[ErasedExample]:
    wanted: defaultdict[tuple[str, str], list[ErasureEntry]] = defaultdict(list)
    for entry in entries:
        wanted[entry.key_id, entry.digest].append(entry)
    keys = [key_named(key_id) for key_id in sorted({entry.key_id for entry in entries})]
    files = Snapshot.open(settings.ARTEFACTS / snapshot.path, digest=snapshot.digest)
    for example in files.examples():
        content = erasure_content(example)
        for key in keys:
            for entry in wanted.get((key.id, key.digest(content)), ()):
                in_training = example.set == "train"
                yield ErasedExample(snapshot=snapshot, example_id=example.id, entry=entry, in_training=in_training)


def snapshots_compare(*, corpus: str = "", afresh: bool = False) -> list[str]:
    """Compare every snapshot, or those of one corpus, with the ledger; return why some could not be, in sentences.

    Raises:
        LedgerError: a key of the ledger is missing.
    """
    problems = []
    chosen = {"corpus__name": corpus} if corpus else {}
    for snapshot in CorpusSnapshot.objects.filter(**chosen).select_related("corpus"):
        try:
            snapshot_compare(snapshot=snapshot, afresh=afresh)
        except (CorpusError, ContentsUnknownError) as error:
            problems.append(f"{snapshot}: {error}")
    return problems
