"""Number the identical and near-identical matches of a request, so that an officer decides about them once.

A cluster lies within one set of one snapshot, and its documents are what a model learns: columns that no training reads, as
ids, addresses and dates, keep nothing apart. What was found by name or identifier must read the same in all of them: letters
that differ in nothing but the name are about different people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from requests_app.models import ErasureRequest, Match
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching.near import Document, Groups, is_group
from unlearning_jobs.engine.matching.words import words
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import examples_by_id

from .searches import Candidate

BATCH = 200
"""Examples that are in memory together."""
PASSAGES = frozenset({"exact"})
"""Methods that find passages; what is found in near-identical documents may differ a little as well."""

Place = tuple[int, str]
"""A snapshot's key and the id of an example in it."""


def matches_cluster(
    request: ErasureRequest,
    found: Mapping[CorpusSnapshot, Mapping[str, Candidate]],
    on_progress: Callable[[], object] = lambda: None,
) -> dict[Place, int]:
    """Return the cluster of each new candidate. Earlier matches keep theirs, and the new ones join them."""
    earlier = list(request.matches.filter(cluster__isnull=False).select_related("snapshot").order_by("pk"))
    known = set(request.matches.values_list("snapshot_id", "example_id"))
    groups = Groups(next_number=1 + max((match.cluster or 0 for match in earlier), default=0))
    numbers: dict[Place, int] = {}
    for snapshot, candidates in found.items():
        old = {match.example_id: match for match in earlier if match.snapshot_id == snapshot.pk}
        for example in _examples(snapshot, old):
            groups.add(
                _document(snapshot.pk, example, old[example.id].spans, old[example.id].methods), old[example.id].cluster
            )
            on_progress()
        new = [one for one in candidates if (snapshot.pk, one) not in known]
        for example in _examples(snapshot, new):
            spans, methods = sorted(candidates[example.id].spans), sorted(candidates[example.id].methods)
            numbers[snapshot.pk, example.id] = groups.add(_document(snapshot.pk, example, spans, methods))
            on_progress()
    return numbers


def clusters_hold(matches: Sequence[Match]) -> bool:
    """Read the documents of these matches again, and return whether each cluster still is one."""
    examples: dict[Place, Example] = {}
    for snapshot in {match.snapshot for match in matches}:
        ids = [match.example_id for match in matches if match.snapshot_id == snapshot.pk]
        try:
            examples |= {(snapshot.pk, one): example for one, example in examples_by_id(snapshot, ids).items()}
        except CorpusError:
            return False
    by_cluster: dict[object, list[Document]] = {}
    for match in sorted(matches, key=lambda match: match.pk):
        example = examples[match.snapshot_id, match.example_id]
        document = _document(match.snapshot_id, example, match.spans, match.methods)
        by_cluster.setdefault(match.cluster or f"alone {match.pk}", []).append(document)
    return all(len({document.key for document in own}) == 1 and is_group(own) for own in by_cluster.values())


def _examples(snapshot: CorpusSnapshot, ids: Iterable[str]) -> Iterator[Example]:
    """Yield the examples, some at a time. What can no longer be read is in no cluster."""
    wanted = list(ids)
    for start in range(0, len(wanted), BATCH):
        try:
            yield from examples_by_id(snapshot, wanted[start : start + BATCH]).values()
        except CorpusError:
            return


def _document(snapshot_id: int, example: Example, spans: Iterable[Sequence[int]], methods: Sequence[str]) -> Document:
    """Return what a model learns of an example (`engine.corpora.content`), and what was found in that."""
    if example.features is not None:
        return Document(example.id, example.completion, key=(snapshot_id, example.set), features=example.features)
    found = frozenset[str]()
    if not PASSAGES & set(methods):
        learned = [example.text[start:end] for start, end in spans if start < len(example.text)]
        found = frozenset(" ".join(word.text for word in words(one)) for one in learned)
    return Document(example.id, example.text, key=(snapshot_id, example.set, found))
