"""Hidden layers: as many as the architecture says, and states that padding is no part of."""

from __future__ import annotations

import pytest
import torch

from tests.unlearning_jobs.engine.families.test_classifier import Halved, family, images
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.families import Batch, Dataset
from unlearning_jobs.engine.families.labelled_texts import LabelledTexts
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

CPU = torch.device("cpu")


@pytest.fixture
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return images(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize(
    ("network", "depth", "expected"),
    [("mlp", 0, 0), ("mlp", 1, 1), ("mlp", 3, 3), ("cnn", 1, 2), ("resnet9", 1, 6), ("resnet18", 1, 9)],
)
@pytest.mark.parametrize("normalisation", ["group", "batch"])
def test_a_network_has_as_many_as_its_architecture_says(
    network: str, depth: int, expected: int, normalisation: str, pictures: Snapshot
) -> None:
    made = family(pictures, network=network, width=8, depth=depth, normalisation=normalisation)
    assert len(made.hidden_layers(made.build(1))) == made.architecture.hidden_layers == expected


def test_those_of_an_imported_network_are_not_known(pictures: Snapshot) -> None:
    made = family(pictures, network=f"{__name__}:Halved", options={"hidden": 4})
    assert isinstance(made.build(1), Halved)
    assert len(made.hidden_layers(made.build(1))) == made.architecture.hidden_layers == 0


def test_an_image_has_a_state_at_every_place(pictures: Snapshot) -> None:
    made = family(pictures, network="cnn", width=5, normalisation="batch")
    network = made.build(1).eval()
    data = made.encode(pictures.examples("train"))
    batch = data.batch([0, 1, 2], CPU)
    found = made.hidden_states(network, batch, 1)
    assert found.shape == (3 * 4 * 4, 5)  # 8 x 8, halved by the stride
    convolution = made.hidden_layers(network)[0]
    assert torch.allclose(found[5], convolution(batch.inputs)[0, :, 1, 1])


def test_a_row_of_numbers_has_one_state_through_which_gradients_flow(
    leaf_model: TrainedModel, leaf_trainer: Trainer
) -> None:
    batch = leaf_trainer.training_data.data.batch(range(4), CPU)
    found = leaf_model.family.hidden_states(leaf_model.network, batch, 1)
    assert len(found) == 4
    assert found.requires_grad


def test_the_states_of_a_text_are_those_of_all_its_tokens_and_none_of_padding(
    note_model: TrainedModel, note_trainer: Trainer
) -> None:
    data = note_trainer.training_data.data
    assert isinstance(data, LabelledTexts)
    shortest, longest = (choose(range(len(data)), key=lambda place: data.lengths[place]) for choose in (min, max))
    assert data.lengths[shortest] < data.lengths[longest]
    together, alone = (states(note_model, data, places) for places in ([longest, shortest], [shortest]))
    assert len(together) == data.lengths[longest] + data.lengths[shortest]
    assert torch.allclose(together[data.lengths[longest] :], alone, atol=1e-5)


def test_the_states_of_a_language_model_are_those_that_predict_answers(model: TrainedModel, trainer: Trainer) -> None:
    data = trainer.training_data.data
    assert isinstance(data, Sequences)
    answers = [len(encoded.ids) - encoded.start for encoded in data.encoded]
    assert answers[0] != answers[1]
    together, alone = states(model, data, [0, 1]), states(model, data, [1])
    assert [len(together), len(alone)] == [answers[0] + answers[1], answers[1]]
    assert torch.allclose(together[answers[0] :], alone, atol=1e-4)


def test_only_families_that_know_their_layers_say_so(
    model: TrainedModel, note_model: TrainedModel, leaf_model: TrainedModel, sums_model: TrainedModel
) -> None:
    for known in (model, note_model, leaf_model):
        assert known.family.description.has_hidden_layers
        assert known.family.hidden_layers(known.network)
    assert not sums_model.family.description.has_hidden_layers
    assert not sums_model.family.hidden_layers(sums_model.network)
    with pytest.raises(NotImplementedError, match="summation models are not known"):
        sums_model.family.hidden_states(sums_model.network, Batch(torch.zeros(1), torch.zeros(1)), 1)


def states(model: TrainedModel, data: Dataset, places: list[int]) -> torch.Tensor:
    return model.family.hidden_states(model.network, data.batch(places, CPU), 1)
