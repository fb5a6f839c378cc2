"""Attributions are prepared once, survive interruptions, say how good they are, and refuse what they cannot do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.attribution import Attribution, Kind, SubsetModels, check_attribution, prepare
from unlearning_jobs.engine.attribution.subsets import FIRST_SEED
from unlearning_jobs.engine.contracts import ClassifierArchitecture
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

CPU = torch.device("cpu")
GROUP, MODELS = 40, 80


def subsets_of(trainer: Trainer, shared: Path, exclude_ids: tuple[str, ...] = ()) -> SubsetModels:
    return SubsetModels(trainer.training_data, exclude_ids, shared, CPU, GROUP)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def attributions(leaf_trainer: Trainer, shared: Path) -> dict[Kind, Attribution]:
    return {
        "datamodel": prepare("datamodel", subsets_of(leaf_trainer, shared), MODELS),
        "trak": prepare("trak", subsets_of(leaf_trainer, shared), 4),
    }


@pytest.fixture(params=["datamodel", "trak"])
def attribution(request: pytest.FixtureRequest, attributions: dict[Kind, Attribution]) -> Attribution:
    kind: Kind = request.param
    return attributions[kind]


def test_a_datamodel_predicts_models_that_it_was_not_made_from(attributions: dict[Kind, Attribution]) -> None:
    quality = attributions["datamodel"].quality
    assert quality.correlation > 0.5
    assert quality.models > 2 * GROUP


def test_gradients_alone_foresee_less_and_say_so(attributions: dict[Kind, Attribution]) -> None:
    """Leaving out the hardest examples moves all answers, in ways that are not the sum of first-order effects."""
    assert attributions["trak"].quality.correlation < attributions["datamodel"].quality.correlation - 0.2


def test_it_foresees_that_a_mistaken_label_is_no_longer_known(
    attribution: Attribution, leaf_trainer: Trainer, leaves_to_forget: tuple[str, ...]
) -> None:
    """Against models that were really trained without these examples."""
    training_data = leaf_trainer.training_data
    data = training_data.family.encode(training_data.snapshot.get(leaves_to_forget)).batch(range(len(leaves_to_forget)), CPU)
    seeds = (1, 2)
    known, oracles = (
        np.mean(
            [
                _logits(train(training_data, excluded, s, device=CPU, on_step=lambda *_: None).network, data.inputs)
                for s in seeds
            ],
            0,
        )
        for excluded in ((), leaves_to_forget)
    )
    predicted = attribution.shift(leaves_to_forget, leaves_to_forget)
    right = data.labels.numpy()
    rows = np.arange(len(right))
    actual, expected = (oracles - known)[rows, right], predicted[rows, right]
    assert actual.mean() < -1
    assert expected.mean() < actual.mean() / 3, (expected.mean(), actual.mean())


def _logits(network: torch.nn.Module, inputs: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    with torch.no_grad():
        return np.asarray(network(inputs).numpy())


def test_a_second_request_finds_everything_prepared(
    attribution: Attribution, leaf_trainer: Trainer, shared: Path, leaves_to_forget: tuple[str, ...]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in shared.rglob("*.np*")}
    kind: Kind = "trak" if "scores" in vars(attribution.predictor) else "datamodel"
    again = prepare(kind, subsets_of(leaf_trainer, shared), MODELS if kind == "datamodel" else 4)
    assert {path: path.stat().st_mtime_ns for path in shared.rglob("*.np*")} == before
    shifts, other = (a.shift(leaves_to_forget, leaves_to_forget) for a in (attribution, again))
    assert np.array_equal(shifts, other)


def test_what_was_trained_before_an_interruption_is_not_trained_again(leaf_trainer: Trainer, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill_in_the_second_group(share: float) -> None:
        if share > 0.5:
            raise KilledError

    small = SubsetModels(with_recipe(leaf_trainer, epochs=2).training_data, (), tmp_path, CPU, 6)
    with pytest.raises(KilledError):
        prepare("datamodel", small, 12, kill_in_the_second_group)
    first = (small.folder / "part-0.npz").stat().st_mtime_ns
    prepare("datamodel", small, 12)
    assert (small.folder / "part-0.npz").stat().st_mtime_ns == first


def test_another_corpus_or_group_has_another_folder(
    leaf_trainer: Trainer, tmp_path: Path, leaves_to_forget: tuple[str, ...]
) -> None:
    folders = {
        subsets_of(leaf_trainer, tmp_path).folder,
        subsets_of(leaf_trainer, tmp_path, leaves_to_forget).folder,
        subsets_of(with_recipe(leaf_trainer, epochs=3), tmp_path).folder,
        SubsetModels(leaf_trainer.training_data, (), tmp_path, CPU, 5).folder,
    }
    assert len(folders) == 4
    assert not any(identifier in str(folder) for identifier in leaves_to_forget for folder in folders)


def test_partners_have_the_seeds_of_the_groups(leaf_trainer: Trainer, tmp_path: Path) -> None:
    (partner,) = subsets_of(with_recipe(leaf_trainer, epochs=2), tmp_path).partners(1)
    alone = train(with_recipe(leaf_trainer, epochs=2).training_data, (), FIRST_SEED, device=CPU, on_step=lambda *_: None)
    inputs = leaf_trainer.training_data.data.batch([0, 1], CPU).inputs
    assert np.allclose(_logits(partner.network, inputs), _logits(alone.network, inputs), atol=1e-3)


def test_a_recipe_that_cannot_be_stacked_is_refused(leaf_trainer: Trainer) -> None:
    shards = with_recipe(leaf_trainer, precision="bfloat16").training_data
    with pytest.raises(ObstacleError, match="choose another method"):
        check_attribution(shards, 240, 100)


def test_more_than_fits_into_memory_is_refused(leaf_trainer: Trainer) -> None:
    training_data: TrainingData = with_recipe(
        leaf_trainer, architecture=ClassifierArchitecture("mlp", width=8)
    ).training_data
    with pytest.raises(ObstacleError, match="set subset_models lower"):
        check_attribution(training_data, 10**9, 10**6)
