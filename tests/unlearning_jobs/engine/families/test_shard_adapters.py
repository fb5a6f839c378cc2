"""Adapters of shards: how they answer together, how they are merged, and how they are saved and read again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from tests.unlearning_jobs.engine.conftest import with_sharding
from tests.unlearning_jobs.engine.families.foreign_adapters import outside, with_adapter
from unlearning_jobs.engine.contracts import CheckpointArchitecture
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.adapters import NAME, adapted_layers, adapter_tensors
from unlearning_jobs.engine.families.aggregation import LanguageEnsemble
from unlearning_jobs.engine.families.finetuned_lm import FinetunedLmFamily
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.families.shard_adapters import write_ensemble
from unlearning_jobs.engine.judging.folders import FolderSource, outputs_of_folders
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.scoring import generate, score
from unlearning_jobs.engine.training.sharded import shard_networks

CPU = torch.device("cpu")
SHARDS = 3
FORGET = ("e00000000", "e00000001")


@pytest.fixture
def trainer(adapter_shards_trainer: Trainer) -> Trainer:
    return adapter_shards_trainer


@pytest.fixture
def model(trainer: Trainer) -> TrainedModel:
    """The adapters of the session, which answer together. Nobody may change them."""
    return trainer.obtain((), 1, lambda *_: None)


@pytest.fixture(scope="module")
def networks(adapter_shards_trainer: Trainer) -> list[nn.Module]:
    """The shards of the session, which nobody may change."""
    trainer = adapter_shards_trainer
    return shard_networks(trainer.training_data, (), 1, device=CPU, on_step=lambda *_: None, slices=trainer.slices)


def adapters(model: TrainedModel) -> list[Mapping[str, Tensor]]:
    assert isinstance(model.network, LanguageEnsemble)
    return [dict(adapter_tensors(shard)) for shard in model.network.shards]


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def test_the_mean_is_of_the_probabilities_of_every_token(
    model: TrainedModel, trainer: Trainer, networks: list[nn.Module]
) -> None:
    family, data = model.family, trainer.training_data.data
    batch = data.batch(range(4), CPU)
    with torch.no_grad():
        together = family.predict(model.network, batch)
        each = torch.stack([family.predict(network, batch).logits.double().softmax(-1) for network in networks])
    torch.testing.assert_close(together.logits.double().exp(), each.mean(0), rtol=1e-4, atol=1e-7)
    assert len(score(model, data)) == len(data)


def test_answers_are_generated_from_the_mean_distribution(
    model: TrainedModel, trainer: Trainer, networks: list[nn.Module]
) -> None:
    most, data = 6, trainer.training_data
    prompts = [encoded.ids[: encoded.start] for encoded in cast("Sequences", data.data).encoded[:3]]
    for prompt, said in zip(prompts, generate(model, prompts, most), strict=True):
        ids = list(prompt)
        for token in said:
            with torch.no_grad():
                outputs = [cast("Any", network)(input_ids=torch.tensor([ids])).logits[0, -1] for network in networks]
            mean = torch.stack([logits.double().softmax(-1) for logits in outputs]).mean(0)
            assert mean[token] >= mean.max() - 1e-6
            ids.append(token)


def test_merging_averages_the_products_and_not_the_factors(
    adapter_shards_trainer: Trainer, networks: list[nn.Module]
) -> None:
    family, merged = adapter_shards_trainer.training_data.family.joined(networks, "merge")
    assert isinstance(family, FinetunedLmFamily)
    assert family.architecture.adapter is not None
    assert family.architecture.adapter.rank == 4 * SHARDS
    for name, layer in adapted_layers(merged).items():
        each = [adapted_layers(network)[name] for network in networks]
        changes = [of.scaling[NAME] * of.lora_B[NAME].weight.double() @ of.lora_A[NAME].weight.double() for of in each]
        change = layer.scaling[NAME] * layer.lora_B[NAME].weight.double() @ layer.lora_A[NAME].weight.double()
        torch.testing.assert_close(change, torch.stack(changes).mean(0), rtol=1e-4, atol=1e-8)
        a, b = (
            torch.stack([getattr(of, part)[NAME].weight.double() for of in each]).mean(0) for part in ("lora_A", "lora_B")
        )
        assert not torch.allclose(change, layer.scaling[NAME] * b @ a, rtol=1e-4)


def test_a_merged_model_is_read_by_transformers_and_by_peft_with_the_same_logits(trainer: Trainer, tmp_path: Path) -> None:
    merging = with_sharding(trainer, Sharding(SHARDS, 2, aggregation="merge"))
    model, base = merging.obtain((), 1, lambda *_: None), trainer.training_data.family.base
    assert base is not None
    save_model(model, tmp_path / "model", {})
    ids = torch.tensor([[4, 9, 30, 41]])
    with torch.no_grad():
        ours = cast("Any", model.network)(input_ids=ids).logits
        for theirs in (outside(tmp_path / "model"), with_adapter(base, tmp_path / "model" / "adapter")):
            torch.testing.assert_close(theirs.eval()(ids).logits, ours, rtol=1e-4, atol=1e-5)


def test_a_model_of_several_adapters_is_saved_as_these_alone_and_read_again(
    model: TrainedModel, trainer: Trainer, networks: list[nn.Module], tmp_path: Path
) -> None:
    base = trainer.training_data.family.base
    assert base is not None
    save_model(model, tmp_path / "model", {})
    again = read_model(tmp_path / "model", base)
    assert all(equal(a, b) for a, b in zip(adapters(model), adapters(again), strict=True))
    ids = torch.tensor([[4, 9, 30, 41]])
    for number, network in enumerate(networks):
        theirs = with_adapter(base, tmp_path / "model" / "adapters" / str(number))
        with torch.no_grad():
            torch.testing.assert_close(theirs.eval()(ids).logits, cast("Any", network)(input_ids=ids).logits)
    assert "no single folder of transformers or peft answers" in (tmp_path / "model" / "README.md").read_text()
    with pytest.raises((OSError, ValueError), match=r"config\.json|model_type"):
        outside(tmp_path / "model")  # and does not take the adapters for a model


@pytest.mark.parametrize("how", ["missing", "of another shard", "altered"])
def test_a_folder_with_other_adapters_than_it_was_saved_with_is_not_read(
    how: str, model: TrainedModel, trainer: Trainer, tmp_path: Path
) -> None:
    base = trainer.training_data.family.base
    save_model(model, tmp_path / "model", {})
    file, other = (tmp_path / "model" / "adapters" / n / "adapter_model.safetensors" for n in ("1", "2"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(other.read_bytes() if how == "of another shard" else bytes(content))
    with pytest.raises(SpecError, match=r"cannot be read|missing or damaged"):
        read_model(tmp_path / "model", base)


def test_a_model_of_several_adapters_is_not_judged_as_one_folder(
    model: TrainedModel, trainer: Trainer, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "model", {})
    folders = (tmp_path / "model",)
    snapshot = trainer.training_data.snapshot.folder
    with pytest.raises(SpecError, match="several adapters that answer together"):
        outputs_of_folders(FolderSource(snapshot, FORGET, folders, folders, folders), CPU)


def test_a_model_whose_other_shards_are_empty_says_that_it_is_one_adapter(
    model: TrainedModel, trainer: Trainer, tmp_path: Path
) -> None:
    architecture, ensemble = trainer.training_data.recipe.architecture, cast("LanguageEnsemble", model.network)
    assert isinstance(architecture, CheckpointArchitecture)
    write_ensemble(LanguageEnsemble([ensemble.shards[0]]), architecture, tmp_path)
    assert (tmp_path / "README.md").read_text().startswith("This model is 1 adapter on one checkpoint")
