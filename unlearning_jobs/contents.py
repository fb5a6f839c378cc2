"""Which training examples have the same content, as the erasure ledger recognises it: for what is not in the ledger yet.

A snapshot never changes, so its contents are digested once per process. Nothing is written: the digests have no key.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from .engine.corpora import Example, Snapshot, erasure_content
from .engine.errors import CorpusError
from .models import CorpusSnapshot
from .selectors import examples_by_id

SNAPSHOTS_KEPT = 4
DIGEST_BYTES = 16


def contents_of(snapshot: CorpusSnapshot, example_ids: Iterable[str]) -> dict[str, bytes]:
    """Return a digest of the content of each of these examples.

    Raises:
        CorpusError: the snapshot is gone or damaged, or has no such example.
    """
    examples = examples_by_id(snapshot, example_ids)
    return {example_id: _digest(example) for example_id, example in examples.items()}


def training_places(snapshot: CorpusSnapshot, contents: Collection[bytes]) -> dict[bytes, tuple[str, ...]]:
    """Return the training examples of a snapshot that have one of these contents, by content.

    Raises:
        CorpusError: the snapshot is gone or damaged.
    """
    if not contents:
        return {}
    places = _training_contents(settings.ARTEFACTS / snapshot.path, snapshot.digest)
    return {content: places[content] for content in contents if content in places}


@lru_cache(maxsize=SNAPSHOTS_KEPT)
def _training_contents(path: Path, digest: str) -> Mapping[bytes, tuple[str, ...]]:
    files = Snapshot.open(path)
    if files.info.digest != digest:
        message = f"The folder {path.name} does not hold the registered snapshot. Register the corpus again."
        raise CorpusError(message)
    places: defaultdict[bytes, tuple[str, ...]] = defaultdict(tuple)
    for example in files.examples("train"):
        places[_digest(example)] += (example.id,)
    return dict(places)


def _digest(example: Example) -> bytes:
    return hashlib.sha256(erasure_content(example)).digest()[:DIGEST_BYTES]
