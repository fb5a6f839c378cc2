"""Which training examples have the same content, as the erasure ledger recognises it: for what is not in the ledger yet.

Acts rest on digests that were noted while the corpus could be read, and so on no folder that is there today. They are made
under the oldest key of the ledger, which stays for as long as the ledger: without it, they tell nobody anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from django.utils.translation import gettext as _

from .engine.corpora import Example, erasure_content
from .engine.errors import CorpusError
from .ledger_keys import LedgerError, LedgerKey, oldest_key
from .models import ContentsKey, CorpusSnapshot, TrainingContent
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


def contents_key() -> LedgerKey:
    """Return the key of contents: the oldest of the ledger, the same for as long as the ledger.

    Which one it is, is noted as the first content is: keys that stand in another order for a while do no harm.

    Raises:
        ContentsUnknownError: the oldest key is another one now.
    """
    key = oldest_key()
    noted, _created = ContentsKey.objects.get_or_create(pk=1, defaults={"key_id": key.id})
    require_key(noted.key_id)
    return key


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


def content_digest(example: Example, key: LedgerKey) -> str:
    """Return the digest of an example's content, equal for equal contents; entries of the ledger can be made from it."""
    return key.digest(erasure_content(example))


def contents_of(snapshot: CorpusSnapshot, example_ids: Iterable[str]) -> dict[str, str]:
    """Return the digest of each of these examples, from the files.

    Raises:
        CorpusError: the snapshot is gone or damaged, or has no such example.
        ContentsUnknownError: the key of contents is gone.
    """
    return digests_of(snapshot, examples_by_id(snapshot, example_ids))


def digests_of(snapshot: CorpusSnapshot, examples: Mapping[str, Example]) -> dict[str, str]:
    """Return the digest of each of these examples, which were read from the snapshot's files.

    Raises:
        CorpusError: an example is not what was noted of it while every byte of the files was checked.
        ContentsUnknownError: the key of contents is gone.
    """
    key = contents_key()
    digests = {example_id: content_digest(example, key) for example_id, example in examples.items()}
    noted = TrainingContent.objects.filter(snapshot=snapshot, example_id__in=digests, snapshot__contents_key=key.id)
    if any(digests[example_id] != content for example_id, content in noted.values_list("example_id", "content")):
        message = f"The files of {snapshot} are not those that were registered. Restore them from a backup."
        raise CorpusError(message)
    return digests


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
