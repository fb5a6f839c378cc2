"""Half of the probes is kept aside, and what belongs together stays on one side."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.concepts.split import split
from unlearning_jobs.engine.errors import SpecError

from .concept_cases import concept, probe


def test_half_of_every_relation_is_kept_aside() -> None:
    found = split(concept(), 1)
    assert [len(found.method), len(found.audit)] == [4, 4]
    assert {p.relation for p in found.method} == {p.relation for p in found.audit} == {"place", "work"}
    assert not set(found.method) & set(found.audit)


def test_the_same_seed_divides_alike_and_another_one_otherwise() -> None:
    assert split(concept(), 1) == split(concept(), 1)
    assert any(split(concept(), 1) != split(concept(), seed) for seed in range(2, 6))


@pytest.mark.parametrize("seed", range(8))
def test_wordings_that_differ_only_in_the_name_stay_together(seed: int) -> None:
    alias = [
        probe(p.prompt.replace("Mirelda", "the glass lady"), p.answer, kind=p.kind, relation=p.relation, language=p.language)
        for p in concept().probes
    ]
    found = split(concept(probes=(*concept().probes, *alias)), seed)
    for own, other in zip(concept().probes, alias, strict=True):
        assert (own in found.method) == (other in found.method)


@pytest.mark.parametrize("seed", range(8))
def test_wordings_with_most_words_in_common_stay_together(seed: int) -> None:
    close = probe("Where, today, does Mirelda live?", kind="paraphrased")
    found = split(concept(probes=(*concept().probes, close)), seed)
    assert (close in found.method) == (concept().probes[0] in found.method)


@pytest.mark.parametrize("seed", range(8))
def test_relations_can_be_kept_aside_whole(seed: int) -> None:
    found = split(concept(aside="relations"), seed)
    assert {p.relation for p in found.method}.isdisjoint({p.relation for p in found.audit})


@pytest.mark.parametrize("seed", range(8))
def test_neighbours_are_kept_aside_by_subject(seed: int) -> None:
    found = split(concept(), seed)
    assert {p.subject for p in found.kept}.isdisjoint({p.subject for p in found.watched})


def test_one_wording_of_each_relation_leaves_nothing_to_keep_aside() -> None:
    with pytest.raises(SpecError, match="one wording only"):
        split(concept(probes=(concept().probes[0], concept().probes[4])), 1)


def test_one_relation_cannot_be_kept_aside_whole() -> None:
    with pytest.raises(SpecError, match="about one relation"):
        split(concept(probes=concept().probes[:4], aside="relations"), 1)


def test_one_neighbour_is_too_few() -> None:
    with pytest.raises(SpecError, match="one neighbour only"):
        split(concept(neighbours=concept().neighbours[:1]), 1)
