"""Which training examples have the same content, as the erasure ledger recognises it: for what is not in the ledger yet.

Acts rest on digests that were noted while the corpus could be read, and so on no folder that is there today. They are made
under the oldest key of the ledger, which stays for as long as the ledger: without it, they tell nobody anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from .engine.corpora import Example, erasure_content
from .ledger_keys import LedgerError, oldest_key
from .models import CorpusSnapshot, TrainingContent
from .selectors import examples_by_id


class ContentsUnknownError(LedgerError):
    """What a corpus contains is not known, so that what follows from it cannot be said."""

    @classmethod
    def of(cls, snapshot: CorpusSnapshot) -> ContentsUnknownError:
        """Return the error for a corpus of which nothing was noted."""
        message = _(
            "What is in %(snapshot)s has not been noted, so that nobody can say which models know it. Ask an engineer to see"
            " that its folder can be read and to run ledger_replay, and try again."
        )
        return cls(message % {"snapshot": snapshot})


def require_key(key_id: str) -> None:
    """Raise ContentsUnknownError if contents were noted under a key that is not the oldest any more.

    Noted again under another key, they could not be told to be those that the record has labels for.
    """
    if key_id not in ("", oldest_key().id):
        message = _(
            "What is in corpora was noted under the key %(key)s, which is not the last of LEDGER_KEYS. Ask an engineer to"
            " put it back there, and try again."
        )
        raise ContentsUnknownError(message % {"key": key_id})


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
        ContentsUnknownError: what the snapshot contains has not been noted, or under a key that is gone.
    """
    if not contents:
        return {}
    key_id = CorpusSnapshot.objects.values_list("contents_key", flat=True).get(pk=snapshot.pk)
    require_key(key_id)
    if not key_id:
        raise ContentsUnknownError.of(snapshot)
    places: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    rows = TrainingContent.objects.filter(snapshot=snapshot, content__in=contents).order_by("example_id")
    for content, example_id in rows.values_list("content", "example_id"):
        places[content] += (example_id,)
    return dict(places)
