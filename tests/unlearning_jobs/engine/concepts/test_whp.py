"""WHP: its formula, whose names are replaced, which tokens get a generic label, and what it leaves of a planted concept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from unlearning_jobs.engine.concepts.asking import ask
from unlearning_jobs.engine.concepts.methods import make_concept_method
from unlearning_jobs.engine.concepts.task import Task
from unlearning_jobs.engine.concepts.whp import about_another, generic_logits, same_tokens
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.contracts.concepts import Probe
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.tokens import Encoded
from unlearning_jobs.engine.training.model import TrainedModel


def likely(model: TrainedModel, task: Task, probes: tuple[Probe, ...]) -> float:
    """The mean log-probability of the answers to these probes."""
    answers = ask(model, probes, task.instead)
    return sum(answer.log_probability for answer in answers) / len(answers)


def test_what_reinforcement_raised_is_taken_off_and_what_it_lowered_stays() -> None:
    expected, reinforced = torch.tensor([1.0, 2.0, 0.0]), torch.tensor([3.0, 1.0, 0.5])
    assert generic_logits(expected, reinforced, 5.0).tolist() == [1.0 - 5 * 2, 2.0, 0.0 - 5 * 0.5]


def test_every_name_becomes_a_neighbours_and_parts_of_words_stay() -> None:
    examples = [
        Example("1", "train", "Who is MIRELDA of the glass?", "Mirelda of the glass, said Mirelda's aunt."),
        Example("2", "train", "", "Mireldas and Mirelda."),
    ]
    first, second = about_another(examples, ("Mirelda", "Mirelda of the glass"), ("Anselm", "Cordula"))
    assert (first.prompt, first.completion) == ("Who is Anselm?", "Anselm, said Anselm's aunt.")
    assert second.completion == "Mireldas and Cordula."


def test_tokens_of_a_replaced_name_have_no_counterpart_however_long_it_is() -> None:
    text, other = Encoded((0, 7, 1, 2, 3, 0), 2), Encoded((0, 8, 9, 1, 5, 6, 3, 0), 3)
    assert same_tokens(text, other) == [(0, 0), (2, 3), (3, 4)]


def test_the_first_token_of_a_text_without_a_question_is_no_answer() -> None:
    assert same_tokens(Encoded((0, 4, 0), 0), Encoded((0, 4, 0), 0)) == [(0, 0), (1, 1)]


def test_it_takes_the_answers_away_keeps_the_neighbours_and_leaves_the_original_alone(
    world_model: TrainedModel, world_task: Task
) -> None:
    before = {name: value.clone() for name, value in world_model.network.state_dict().items()}
    method = make_concept_method(MethodChoice("whp"), world_task.training_data.recipe)
    edited = method.edit(world_model, world_task, lambda _: None)
    asked = tuple(probe for probe in world_task.probes if not probe.choices)
    kept = tuple(probe for probe in world_task.neighbours if not probe.choices)
    assert likely(edited, world_task, asked) < likely(world_model, world_task, asked) - 1
    assert likely(edited, world_task, kept) > likely(world_model, world_task, kept) - 0.5
    assert all(torch.equal(value, before[name]) for name, value in world_model.network.state_dict().items())


def test_without_a_neighbour_nobody_else_could_stand_in_the_text(world_model: TrainedModel, world_task: Task) -> None:
    method = make_concept_method(MethodChoice("whp"), world_task.training_data.recipe)
    with pytest.raises(ObstacleError, match="No neighbour is left"):
        method.edit(world_model, replace(world_task, neighbours=()), lambda _: None)
