"""Facts about sets: in which set of its corpus each match is said to be, and which sets the corpus was registered with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compliance.formats.record_kinds import RecordKind as K

from .facts import Fact, Statement
from .matches import MATCHES
from .story import Story


def _registered(story: Story) -> Iterator[tuple[str, list[str]]]:
    for entry in story.others:
        if entry.kind == K.CORPUS_REGISTERED and isinstance(entry.data.get("counts"), Mapping):
            yield entry.data["snapshot_sha256"], sorted(entry.data["counts"])


def _registered_sets(story: Story) -> Iterator[Statement]:
    for digest, names in _registered(story):
        yield f"Corpus {digest}", names


def _named_sets(story: Story) -> Iterator[Statement]:
    """The sets in which decisions place matches; earlier ones do not say so."""
    decided = story.of_kind(K.MATCH_ACCEPTED, K.MATCH_REJECTED, K.MATCH_REOPENED)
    examples = [one for entry in decided for one in entry.data.get("examples", ()) if one.get("set")]
    for digest, _names in _registered(story):
        named = {one["set"] for one in examples if digest.startswith(one["snapshot"])}
        if named:
            yield f"Corpus {digest}", sorted(named)


NAMED_SETS = Fact("sets of the matches", _named_sets, MATCHES)
REGISTERED_SETS = Fact(f"{K.CORPUS_REGISTERED} counts, by set", _registered_sets, (f"{K.CORPUS_REGISTERED} counts",))
