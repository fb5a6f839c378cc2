"""Reads about copies: which there are of what, and what they descend from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from .models import Copy, CorpusSnapshot, ModelVersion


@dataclass(frozen=True)
class Branch:
    """A copy in the tree of what it descends from."""

    copy: Copy
    depth: int
    """0: of the model version or snapshot itself."""


class Copies:
    """Every copy there is, with what each descends from, read once."""

    def __init__(self) -> None:
        rows = Copy.objects.select_related("version", "snapshot__corpus", "registered_by", "retired_by").order_by("pk")
        self.all = {copy.pk: copy for copy in rows}
        self._children: defaultdict[int, list[Copy]] = defaultdict(list)
        for copy in self.all.values():
            if copy.parent_id:
                copy.parent = self.all[copy.parent_id]
                self._children[copy.parent_id].append(copy)

    def tree(self, of: ModelVersion | CorpusSnapshot) -> Iterator[Branch]:
        """Yield the copies of a model version or snapshot with their descendants, each before its own."""
        yield from self._grown((copy for copy in self.all.values() if _is_of(copy, of)), 0)

    def _grown(self, copies: Iterable[Copy], depth: int) -> Iterator[Branch]:
        for copy in copies:
            yield Branch(copy, depth)
            yield from self._grown(self._children[copy.pk], depth + 1)

    def descending(self, *, versions: Collection[ModelVersion], snapshots: Collection[CorpusSnapshot]) -> list[Copy]:
        """Return the copies that descend from any of these, also through a copy that is retired."""
        return [copy for copy in self.all.values() if copy.root in versions or copy.root in snapshots]

    def versions(self) -> list[ModelVersion]:
        """Return the model versions of which there are copies."""
        found = {copy.version for copy in self.all.values() if copy.version}
        return sorted(found, key=lambda version: (version.name, -version.number))

    def snapshots(self) -> list[CorpusSnapshot]:
        """Return the snapshots of which there are copies."""
        found = {copy.snapshot for copy in self.all.values() if copy.snapshot}
        return sorted(found, key=lambda snapshot: (snapshot.corpus.name, snapshot.pk))


def _is_of(copy: Copy, of: ModelVersion | CorpusSnapshot) -> bool:
    return of in (copy.version, copy.snapshot)
