"""A concept is read from JSON, and one that could show nothing is refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unlearning_jobs.engine.contracts.concepts import Concept, Instead, normalised, says
from unlearning_jobs.engine.errors import SpecError

from .concept_cases import concept, probe


def test_a_concept_comes_back_from_json_as_it_was() -> None:
    whole = concept(instead=Instead("fact", facts={"place": "Ostmere", "work": "miller"}))
    assert Concept.from_json(whole.to_json()) == whole
    assert Concept.from_json(whole.to_json()).digest() == whole.digest()


def test_without_probes_nothing_could_show() -> None:
    with pytest.raises(SpecError, match="has no probes"):
        concept(probes=())


def test_without_neighbours_a_destroyed_model_would_look_unlearned() -> None:
    with pytest.raises(SpecError, match="has no neighbours"):
        concept(neighbours=())


def test_a_neighbour_that_names_the_target_is_the_target() -> None:
    own = probe("Where does the Glass Lady live?", subject="somebody")
    with pytest.raises(SpecError, match="1 of 17 neighbours are the target itself"):
        concept(neighbours=(*concept().neighbours, own))


def test_a_neighbour_about_the_target_is_the_target() -> None:
    with pytest.raises(SpecError, match="the target itself"):
        concept(neighbours=(probe("Where is her home?", subject="MIRELDA"),))


def test_a_neighbour_needs_a_subject() -> None:
    with pytest.raises(SpecError, match="say whom it is about"):
        concept(neighbours=(probe("Where does Anselm live?"),))


def test_the_same_question_with_two_answers_is_a_contradiction() -> None:
    with pytest.raises(SpecError, match="contradict each other"):
        concept(probes=(*concept().probes, probe("where does mirelda live", "Ostmere", kind="paraphrased")))


def test_a_probe_that_comes_twice_would_count_twice() -> None:
    with pytest.raises(SpecError, match="come more than once"):
        concept(probes=(*concept().probes, concept().probes[0]))


def test_what_must_go_cannot_be_what_is_answered_instead() -> None:
    with pytest.raises(SpecError, match="contradict each other: what must be answered instead"):
        concept(instead=Instead("fact", facts={"place": "Tarnholm", "work": "miller"}))


def test_every_relation_needs_its_new_fact() -> None:
    with pytest.raises(SpecError, match="1 relations of the probes have no new answer"):
        concept(instead=Instead("fact", facts={"place": "Ostmere"}))


def test_a_concept_that_most_of_the_corpus_names_is_everything() -> None:
    with pytest.raises(SpecError, match="The concept is everything: 2 of 3 examples"):
        concept().check_part_of(["Mirelda is here.", "The glass lady went.", "Nobody else."])


def test_a_concept_that_half_of_the_corpus_names_is_none() -> None:
    concept().check_part_of(["Mirelda is here.", "Nobody else."])


def test_a_probe_cannot_say_its_own_answer() -> None:
    with pytest.raises(SpecError, match="gives its answer away"):
        probe("Does Mirelda live in Tarnholm?")


def test_a_multiple_choice_needs_wrong_answers_alone() -> None:
    with pytest.raises(SpecError, match="have choices"):
        probe("Where does Mirelda live?", kind="multiple_choice")
    with pytest.raises(SpecError, match="among the wrong ones"):
        probe("Where does Mirelda live?", kind="multiple_choice", choices=("tarnholm",))


@pytest.mark.parametrize("missing", ["prompt", "answer", "relation"])
def test_a_probe_is_complete(missing: str) -> None:
    changes: dict[str, Any] = {missing: ""}
    with pytest.raises(SpecError, match="lacks its prompt, answer, relation"):
        replace(probe("Where does Mirelda live?"), **changes)


def test_an_empty_refusal_is_refused() -> None:
    with pytest.raises(SpecError, match=r"instead\.refusal is empty"):
        Instead("refusal", refusal=" ")


def test_messages_do_not_quote_probes() -> None:
    with pytest.raises(SpecError) as caught:
        concept(probes=(*concept().probes, concept().probes[0]))
    assert "Mirelda" not in str(caught.value)


def test_words_are_compared_without_case_punctuation_and_parts_of_words() -> None:
    assert normalised("Wo wohnt  MIRELDA?") == "wo wohnt mirelda"
    assert says("In Tarnholm, she says.", "tarnholm")
    assert not says("In Tarnholmstadt.", "Tarnholm")
