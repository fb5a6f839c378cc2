"""Which training examples have the same content, as the erasure ledger recognises it: for what is not in the ledger yet.

Acts rest on digests that were noted while the corpus could be read, and so on no folder that is there today. They are made
under the oldest key of the ledger, which stays for as long as the ledger: without it, they tell nobody anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError

from .engine.corpora import Example, erasure_content
from .ledger_keys import oldest_key
from .models import CorpusSnapshot, TrainingContent
from .selectors import examples_by_id


class ContentsUnknownError(StaleStateError):
    """Nobody has noted what a corpus contains, and it cannot be read: what follows from it cannot be said."""

    def __init__(self, snapshot: CorpusSnapshot) -> None:
        super().__init__(
            _(
                "%(snapshot)s cannot be read, and what it contains has not been noted, so that nobody can say which models"
                " know it. Nothing was done. Ask an engineer to restore its folder and to run ledger_replay, and try again."
            )
            % {"snapshot": snapshot}
        )


def content_digest(example: Example) -> str:
    """Return the digest of an example's content, equal for equal contents; entries of the ledger can be made from it."""
    return oldest_key().digest(erasure_content(example))


def contents_of(snapshot: CorpusSnapshot, example_ids: Iterable[str]) -> dict[str, str]:
    """Return the digest of each of these examples, from the files.

    Raises:
        CorpusError: the snapshot is gone or damaged, or has no such example.
    """
    examples = examples_by_id(snapshot, example_ids)
    return {example_id: content_digest(example) for example_id, example in examples.items()}


def training_places(snapshot: CorpusSnapshot, contents: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the training examples of a snapshot that have one of these contents, by content.

    Raises:
        ContentsUnknownError: what the snapshot contains has not been noted.
    """
    if not contents:
        return {}
    if not CorpusSnapshot.objects.filter(pk=snapshot.pk, contents_key=oldest_key().id).exists():
        raise ContentsUnknownError(snapshot)
    places: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    rows = TrainingContent.objects.filter(snapshot=snapshot, content__in=contents).order_by("example_id")
    for content, example_id in rows.values_list("content", "example_id"):
        places[content] += (example_id,)
    return dict(places)
