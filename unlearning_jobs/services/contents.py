"""Notes what the training examples of a snapshot contain, as digests, while its files can be read."""

from __future__ import annotations

from itertools import islice

from django.db import transaction

from unlearning_jobs.contents import content_digest, contents_key, require_key
from unlearning_jobs.models import CorpusSnapshot, TrainingContent

from .snapshots import snapshot_open

BATCH = 2_000
"""Examples that one statement inserts."""


def contents_note(*, snapshot: CorpusSnapshot) -> None:
    """Note the content of every training example of a snapshot, all or none of them; once, since a snapshot never changes.

    Raises:
        CorpusError: the snapshot is gone or damaged.
        ContentsUnknownError: the key of contents is gone.
    """
    key = contents_key()
    noted = CorpusSnapshot.objects.values_list("contents_key", flat=True).get(pk=snapshot.pk)
    require_key(noted)
    if noted:
        return
    proven = snapshot_open(snapshot=snapshot)
    with transaction.atomic():
        row = CorpusSnapshot.objects.select_for_update(of=("self",), no_key=True).get(pk=snapshot.pk)
        if row.contents_key:
            return
        trained_on = iter(proven.files.examples("train"))
        while examples := list(islice(trained_on, BATCH)):
            TrainingContent.objects.bulk_create(
                TrainingContent(snapshot=row, content=content_digest(example, key), example_id=example.id)
                for example in examples
            )
        proven.require_unchanged()
        row.contents_key = key.id
        row.save(update_fields=["contents_key"])
