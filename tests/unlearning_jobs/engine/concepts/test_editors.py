"""ROME and MEMIT, and methods of examples, on the planted world."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unlearning_jobs.engine.catalogue import CONCEPT_METHODS, METHODS
from unlearning_jobs.engine.concepts.asking import ask, encoded, language
from unlearning_jobs.engine.concepts.covariance import Moments
from unlearning_jobs.engine.concepts.methods import make_concept_method
from unlearning_jobs.engine.concepts.places import keys_at, last_token, places, states_at
from unlearning_jobs.engine.concepts.task import Task
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.contracts.concepts import Instead, Probe
from unlearning_jobs.engine.errors import ObstacleError, SpecError, TrainingDivergedError
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, weights_digest

EDITED = {"layer": 1, "steps": 40}


def share_given(model: TrainedModel, probes: tuple[Probe, ...]) -> float:
    answers = ask(model, probes, Instead())
    return sum(answer.given for answer in answers) / len(answers)


def edited(name: str, model: TrainedModel, task: Task, **config: object) -> TrainedModel:
    return make_concept_method(MethodChoice(name, config), task.training_data.recipe).edit(model, task, lambda _: None)


def test_memit_takes_answers_away_and_leaves_the_original_as_it_was(world_model: TrainedModel, world_task: Task) -> None:
    before = weights_digest(world_model)
    result = edited("memit", world_model, world_task, **EDITED)
    assert share_given(world_model, world_task.probes) == 1.0
    assert share_given(result, world_task.probes) < 0.5
    assert weights_digest(world_model) == before


def test_memit_edits_the_layers_that_it_is_told_and_no_others(world_model: TrainedModel, world_task: Task) -> None:
    task = replace(world_task, probes=world_task.probes[:2])
    result = edited("memit", world_model, task, layer=2, layers=2, steps=2)
    changed = [
        not torch.equal(ours.weight, theirs.weight) for ours, theirs in zip(places(result), places(world_model), strict=True)
    ]
    assert changed == [True, True, False, False]


def test_rome_makes_answers_less_likely(world_model: TrainedModel, world_task: Task) -> None:
    task = replace(world_task, probes=world_task.probes[:3])
    result = edited("rome", world_model, task, **EDITED)

    def mean(model: TrainedModel) -> float:
        return sum(answer.log_probability for answer in ask(model, task.probes, Instead()))

    assert mean(result) < mean(world_model) - 0.4


def test_memit_makes_another_fact_likelier(world_model: TrainedModel, world_task: Task) -> None:
    [probe] = [p for p in world_task.probes if p.relation == "place" and p.kind != "multiple_choice"][:1]
    new, other = Instead("fact", facts={"place": "Ostmere"}), replace(probe, answer="Ostmere")
    task = replace(world_task, probes=(probe,), instead=new)
    [before] = ask(world_model, [other], new)
    [after] = ask(edited("memit", world_model, task, **EDITED), [other], new)
    assert after.log_probability > before.log_probability + 0.5


def test_a_method_of_examples_forgets_the_probes(world_model: TrainedModel, world_task: Task) -> None:
    result = edited("gradient_difference", world_model, world_task, steps=60, floor="none")
    assert share_given(result, world_task.probes) < 0.75


def test_an_edit_that_becomes_nan_stops_with_the_reason(world_model: TrainedModel, world_task: Task) -> None:
    with pytest.raises(TrainingDivergedError, match="NaN or infinite"):
        edited("memit", broken(world_model), world_task, layer=1)


def broken(model: TrainedModel) -> TrainedModel:
    """A copy that puts out no numbers."""
    copy = model.copy_to(model.device)
    with torch.no_grad():
        places(copy)[0].weight.fill_(float("nan"))
    return copy


def test_questions_that_do_not_name_the_subject_give_an_editor_nothing(world_model: TrainedModel, world_task: Task) -> None:
    task = replace(world_task, probes=(Probe("Who is the glazier?", "Osk", "multi_hop", "work"),))
    with pytest.raises(ObstacleError, match="names the subject"):
        edited("rome", world_model, task)


def test_a_layer_that_is_not_there_is_refused(world_model: TrainedModel, world_task: Task) -> None:
    with pytest.raises(ObstacleError, match="last hidden layer is number 4"):
        edited("rome", world_model, world_task, layer=9)


def test_a_method_that_acts_on_no_concept_is_refused(world_task: Task) -> None:
    with pytest.raises(SpecError, match="does not act on a concept"):
        make_concept_method(MethodChoice("retrain"), world_task.training_data.recipe)


def test_the_table_of_concepts_has_editors_that_jobs_about_examples_do_not() -> None:
    assert {"memit", "rome"} <= set(CONCEPT_METHODS) - set(METHODS)
    assert all(CONCEPT_METHODS[name].guarantee == "empirical" for name in ("memit", "rome", "npo", "task_vector"))


@pytest.mark.parametrize("name", CONCEPT_METHODS)
def test_every_method_of_the_table_can_be_made(name: str, world_task: Task) -> None:
    assert make_concept_method(MethodChoice(name), world_task.training_data.recipe)


def test_moments_are_estimated_once_for_the_same_weights_layer_and_texts(
    world_model: TrainedModel, world_task: Task, tmp_path: Path
) -> None:
    moments = replace(world_task.moments, folder=tmp_path)
    first = moments.of_layer(world_model, 1)
    assert torch.equal(moments.of_layer(broken(world_model), 1), first)  # it is read, and not estimated again
    others = (replace(moments, source="another"), replace(moments, texts=moments.texts.subset([0])))
    assert len({moments.digest(1), moments.digest(2), *(one.digest(1) for one in others)}) == 4
    assert [file.suffix for file in tmp_path.iterdir()] == [".safetensors"]


def test_a_moment_is_the_mean_over_the_tokens_and_not_over_padding(
    world_model: TrainedModel, world_task: Task, tmp_path: Path
) -> None:
    texts = world_task.moments.texts.subset([0, 60])
    place = places(world_model)[0]
    keys = torch.cat([keys_at(world_model, place, torch.tensor([one.ids]))[0] for one in texts.encoded]).double()
    found = Moments(tmp_path, "source", texts).of_layer(world_model, 1)
    assert torch.allclose(found, keys.T @ keys / len(keys), atol=1e-5)


def test_the_key_of_a_place_goes_through_its_matrix_in_both_layouts(
    world_model: TrainedModel, tuned_trainer: Trainer
) -> None:
    family = tuned_trainer.training_data.family
    for model in (world_model, TrainedModel(family.build(0).eval(), family)):  # Llama's layout, and GPT-2's
        place, ids = places(model)[0], torch.tensor([[1, 2, 3]])
        key, put_out = keys_at(model, place, ids)[0, -1], states_at(model, place.module, ids)[0, -1]
        bias = getattr(place.module, "bias", None)
        assert torch.allclose(place.weight @ key + (0 if bias is None else bias), put_out, atol=1e-5)


def test_an_adapter_is_refused(world_model: TrainedModel) -> None:
    frozen = world_model.copy_to(world_model.device)
    for parameter in frozen.network.parameters():
        parameter.requires_grad = False
    with pytest.raises(ObstacleError, match="frozen under an adapter"):
        places(frozen)


def test_the_last_token_of_a_subject_is_where_it_is_named_last(world_model: TrainedModel) -> None:
    family = language(world_model)
    one = encoded(world_model, Probe("Mirelda, where does Mirelda live?", "Tarnholm", "direct", "place"))
    at = last_token(family.decode, one.ids[: one.start], ("Mirelda",))
    assert at is not None
    assert family.decode(one.ids[: at + 1]) == "Mirelda, where does Mirelda"


def test_a_cloze_goes_on_with_its_answer(world_model: TrainedModel) -> None:
    one = encoded(world_model, Probe("Mirelda lives in", "Tarnholm", "cloze", "place"))
    assert language(world_model).decode(one.ids[: one.start]) == "Mirelda lives in"
    assert language(world_model).decode(one.ids[one.start :]) == " Tarnholm"
