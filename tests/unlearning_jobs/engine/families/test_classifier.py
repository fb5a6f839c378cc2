"""Classifiers: from arrays to tensors, and the networks that a recipe can name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from unlearning_jobs.engine.contracts import ClassifierArchitecture, LlamaArchitecture, Recipe
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError, SpecError
from unlearning_jobs.engine.families import footprint
from unlearning_jobs.engine.families.classifier import ClassifierFamily
from unlearning_jobs.engine.training.training_data import TrainingData

RECIPE = Recipe("classifier", ClassifierArchitecture("mlp", width=8), 1, 4, 0.1)
CPU = torch.device("cpu")


class Halved(nn.Module):
    """A network of somebody else's."""

    def __init__(self, shape: tuple[int, ...], classes: int, *, hidden: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], hidden), nn.Linear(hidden, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(x / 2)
        return found


def images(folder: Path, *, dtype: type = np.uint8) -> Snapshot:
    """Twelve images of 8 x 8 in three classes."""
    x: NDArray[Any] = np.random.default_rng(1).integers(0, 256, size=(12, 8, 8)).astype(dtype)
    split = np.array(["train"] * 9 + ["held_out"] * 3)
    np.savez(folder / "images.npz", x=x, y=np.arange(12) % 3, split=split, text=np.array(["Drawn by Ada Lovelace."] * 12))
    return Snapshot.open(snapshot_create([folder / "images.npz"], folder / "snapshot").path)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return images(tmp_path)


def family(snapshot: Snapshot, **architecture: object) -> ClassifierFamily:
    recipe = replace(RECIPE, architecture=ClassifierArchitecture(**{"network": "mlp", **architecture}))  # type: ignore[arg-type]  # checked by the class
    return ClassifierFamily.create(recipe, snapshot)


def test_bytes_become_shares_and_labels_places_in_the_sorted_list(snapshot: Snapshot) -> None:
    example = next(snapshot.examples("train"))
    data = family(snapshot).encode([example])
    assert example.features is not None
    expected = np.frombuffer(example.features, np.uint8).reshape(1, 1, 8, 8) / 255
    assert np.allclose(data.inputs.numpy(), expected)
    assert data.labels.tolist() == [0]
    assert snapshot.info.labels == ("0", "1", "2")


def test_other_numbers_stay_as_they_are(tmp_path: Path) -> None:
    snapshot = images(tmp_path, dtype=np.float64)
    data = family(snapshot).encode(snapshot.examples("train"))
    assert float(data.inputs.max()) > 1


def test_people_are_found_in_what_is_known_about_an_image(snapshot: Snapshot) -> None:
    assert next(snapshot.examples()).text == "Drawn by Ada Lovelace.\n0"


def test_an_epoch_takes_every_example_once_in_an_order_of_its_seed(snapshot: Snapshot) -> None:
    data = family(snapshot).encode(snapshot.examples("train"))

    def epoch(seed: int) -> list[list[int]]:
        return data.epoch(4, torch.Generator().manual_seed(seed))

    assert sorted(i for batch in epoch(1) for i in batch) == list(range(9))
    assert [len(batch) for batch in epoch(1)] == [4, 4, 1]
    assert epoch(1) == epoch(1) != epoch(2)


@pytest.mark.parametrize("normalisation", ["group", "batch"])
@pytest.mark.parametrize("network", ["mlp", "cnn", "resnet9", "resnet18", f"{__name__}:Halved"])
def test_every_network_answers_with_one_logit_per_class_and_is_counted_before_it_exists(
    snapshot: Snapshot, network: str, normalisation: str
) -> None:
    options = {"hidden": 5} if ":" in network else {}
    made = family(snapshot, network=network, width=8, normalisation=normalisation, options=options)
    data = made.encode(snapshot.examples("train"))
    built = made.build(3).eval()
    predictions = made.predict(built, data.batch([0, 1], CPU))
    assert predictions.logits.shape == (2, 3)
    assert predictions.example_index.tolist() == [0, 1]
    counted = footprint(replace(RECIPE, architecture=made.architecture), snapshot.info)
    assert counted.parameters == sum(p.numel() for p in built.parameters())
    assert counted.activations > 0


def test_the_seed_decides_every_weight(snapshot: Snapshot) -> None:
    made = family(snapshot, network="cnn")
    first, again, other = (torch.cat([p.flatten() for p in made.build(seed).parameters()]) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_resnet18_has_as_many_parameters_as_published(tmp_path: Path) -> None:
    """11,173,962: three channels, ten classes, 3 x 3 first convolution (He et al. 2016; counted by hand, layer by layer)."""
    x = np.zeros((20, 3, 8, 8), dtype=np.uint8)
    x[:, 0, 0, 0] = np.arange(20)
    np.savez(tmp_path / "c.npz", x=x, y=np.arange(20) % 10)
    info = snapshot_create([tmp_path / "c.npz"], tmp_path / "snapshot")
    recipe = replace(RECIPE, architecture=ClassifierArchitecture("resnet18", normalisation="batch"))
    assert footprint(recipe, info).parameters == 11_173_962


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        ("transformer", "no network 'transformer'; choose mlp"),
        ("no.such.module:Net", "cannot be made for features of shape"),
        (f"{__name__}:RECIPE", "cannot be made"),
        (f"{__name__}:images", "cannot be made"),
        ("pathlib:Path", "cannot be made|is not an nn.Module"),
    ],
)
def test_a_network_that_cannot_be_made_is_refused(snapshot: Snapshot, network: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        family(snapshot, network=network).build(1)


def test_a_table_has_no_image_to_convolve(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.arange(12.0).reshape(6, 2), y=np.arange(6) % 2)
    snapshot = Snapshot.open(snapshot_create([tmp_path / "t.npz"], tmp_path / "snapshot").path)
    with pytest.raises(SpecError, match="reads images of channels x height x width"):
        family(snapshot, network="cnn").build(1)


def test_a_classifier_does_not_read_text_nor_a_language_model_arrays(
    snapshot: Snapshot, request: pytest.FixtureRequest
) -> None:
    language = replace(RECIPE, family="causal_lm", architecture=LlamaArchitecture(8, 1, 2, 8), vocabulary_size=300)
    with pytest.raises(CorpusError, match="use a recipe of the family classifier"):
        TrainingData.prepare(language, snapshot)
    towns = request.getfixturevalue("towns")
    with pytest.raises(CorpusError, match="use a recipe of the family causal_lm"):
        TrainingData.prepare(RECIPE, towns)


@pytest.fixture
def towns(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("towns")
    (folder / "t.jsonl").write_text('{"text": "One."}\n{"text": "Two."}\n')
    return Snapshot.open(snapshot_create([folder / "t.jsonl"], folder / "snapshot").path)


def test_a_recipe_needs_the_architecture_of_its_family() -> None:
    with pytest.raises(SpecError, match="classifier recipe needs an architecture with network, width"):
        replace(RECIPE, architecture=LlamaArchitecture(8, 1, 2, 8))


def test_an_example_of_an_unknown_class_is_refused(snapshot: Snapshot) -> None:
    example = replace(next(snapshot.examples()), completion="7")
    with pytest.raises(CorpusError, match="e00000000 has no features, or a label that the model does not know"):
        family(snapshot).encode([example])
