"""Models that are an adapter on a checkpoint: the adapter alone learns, and what comes out is read by others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import (
    Adapter,
    JobSpec,
    MethodChoice,
    ModelRef,
    Protocol,
    SnapshotRef,
)
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.adapters import adapter_tensors
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.checkpoint import load_checkpoint, save_checkpoint
from unlearning_jobs.engine.training.device import memory_needed
from unlearning_jobs.engine.training.model import TrainedModel, load_model, read_model, save_model
from unlearning_jobs.engine.training.schedule import make_optimizer
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

from .foreign_adapters import RANK_4, adapted, adapter_recipe, frozen, logits_of, outside, with_adapter
from .foreign_checkpoints import CPU, Checkpoint, checkpoint, gpt2, prepared, snapshot, write_checkpoint

__all__ = ["checkpoint", "snapshot"]
"""Fixtures."""
UNTIED: dict[str, Any] = {}
TIED: dict[str, Any] = {"tie_word_embeddings": True}
GPT2: dict[str, Any] = {"kind": gpt2}


def trained(data: TrainingData, seed: int = 1) -> TrainedModel:
    return train(data, (), seed, device=CPU, on_step=lambda *_: None)


@pytest.mark.parametrize("how", [GPT2, UNTIED, TIED, {"dtype": torch.bfloat16}], ids=["gpt2", "llama", "tied", "bfloat16"])
def test_training_changes_the_adapter_alone_and_others_read_what_comes_out(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, how: dict[str, Any]
) -> None:
    folder = checkpoint(**how)
    data = adapted(folder, snapshot)
    before, start = data.family.build(1), logits_of(outside(folder))
    assert torch.equal(logits_of(before), start), "a new adapter changes nothing"

    model = trained(data)
    assert_same(frozen(model.network), frozen(before))
    assert not any(torch.equal(ours, theirs) for ours, theirs in both_adapters(model.network, before))
    parameters = list(model.network.parameters())
    assert data.footprint.parameters == sum(p.numel() for p in parameters)
    assert data.footprint.frozen == sum(p.numel() for p in parameters if not p.requires_grad) > 0

    save_model(model, tmp_path / "model", {})
    own = logits_of(model.network)
    assert not torch.allclose(own, start, atol=1e-3)
    assert torch.allclose(logits_of(outside(tmp_path / "model")), own, atol=1e-5)
    assert torch.allclose(logits_of(with_adapter(folder, tmp_path / "model" / "adapter")), own, atol=1e-5)
    ref = ModelRef(str(tmp_path / "model"), model_digest(tmp_path / "model"))
    loaded = load_model(ref, str(folder))
    assert torch.equal(logits_of(loaded.network), own)
    save_model(loaded, tmp_path / "again", {})
    assert model_digest(tmp_path / "again") == ref.digest, "every file is the same"


def both_adapters(a: torch.nn.Module, b: torch.nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    ours, theirs = adapter_tensors(a), adapter_tensors(b)
    assert ours.keys() == theirs.keys()
    return [(tensor, theirs[name]) for name, tensor in ours.items()]


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_the_seed_decides_the_adapter_bit_by_bit(checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path) -> None:
    data = adapted(checkpoint(gpt2), snapshot)  # whose configuration has dropout
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        save_model(trained(data, seed), tmp_path / name, {})
    a, b, c = (model_digest(tmp_path / name) for name in ("a", "b", "c"))
    assert a == b != c
    ones = [tensor for name, tensor in adapter_tensors(data.family.build(1)).items() if "lora_A" in name]
    others = [tensor for name, tensor in adapter_tensors(data.family.build(2)).items() if "lora_A" in name]
    assert not any(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


@pytest.mark.parametrize(
    ("how", "layers"),
    [
        (GPT2, ["transformer.h.0.attn.c_proj", "transformer.h.1.attn.c_proj"]),
        (UNTIED, ["lm_head", "model.layers.1.mlp.up_proj"]),
    ],
    ids=["gpt2", "the layer that answers, too"],
)
def test_an_adapter_is_on_the_layers_that_the_recipe_names(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, how: dict[str, Any], layers: list[str]
) -> None:
    folder = checkpoint(**how)
    targets = ("attn.c_proj",) if how is GPT2 else tuple(layers)
    model = trained(adapted(folder, snapshot, replace(RANK_4, targets=targets)))
    names = {name.removeprefix("base_model.model.").rpartition(".lora_")[0] for name in adapter_tensors(model.network)}
    assert sorted(names) == layers
    save_model(model, tmp_path / "model", {})
    own = logits_of(model.network)
    assert torch.allclose(logits_of(outside(tmp_path / "model")), own, atol=1e-5)
    assert torch.allclose(logits_of(with_adapter(folder, tmp_path / "model" / "adapter")), own, atol=1e-5)


def other_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"] + 1e-6
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def another_tensor(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "more": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})


def other_shape(folder: Path) -> None:
    tensors = load_file(folder / "adapter" / "adapter_model.safetensors")
    name = min(tensors)
    save_file({**tensors, name: tensors[name][:2].contiguous()}, folder / "adapter" / "adapter_model.safetensors")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (other_weights, "not its checkpoint with its adapter merged in"),
        (another_tensor, "not its checkpoint with its adapter merged in"),
        (other_shape, "1 tensors of the adapter are missing, of no use or of another shape"),
        (lambda folder: (folder / "adapter" / "adapter_model.safetensors").unlink(), "missing or damaged"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut"), "model.safetensors is missing or damaged"),
    ],
)
def test_a_model_that_does_not_follow_from_its_checkpoint_and_its_adapter_is_refused(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, spoil: Callable[[Path], object], why: str
) -> None:
    folder = checkpoint()
    data = adapted(folder, snapshot)
    save_model(TrainedModel(data.family.build(1), data.family), tmp_path / "model", {})
    assert read_model(tmp_path / "model", folder)
    spoil(tmp_path / "model")
    with pytest.raises(SpecError, match=why):
        read_model(tmp_path / "model", folder)


def test_an_adapter_is_not_read_without_its_checkpoint_nor_on_another(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    data = adapted(checkpoint(), snapshot)
    save_model(TrainedModel(data.family.build(1), data.family), tmp_path / "model", {})
    with pytest.raises(SpecError, match="not the one that the recipe names"):
        read_model(tmp_path / "model", write_checkpoint(tmp_path / "other", rms_norm_eps=1e-4))
    with pytest.raises(SpecError, match="is an adapter on a checkpoint, and is read with that; name its base"):
        read_model(tmp_path / "model")


def test_the_cache_tells_adapters_apart_and_keeps_nothing_that_the_checkpoint_holds(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    folder = checkpoint(gpt2)
    plain, first, second = (
        Trainer(data, tmp_path / "cache", CPU)
        for data in (
            prepared(folder, snapshot),
            adapted(folder, snapshot),
            adapted(folder, snapshot, Adapter(rank=4, alpha=8)),
        )
    )
    model = first.obtain((), 1, lambda *_: None)
    assert (plain.has((), 1), first.has((), 1), second.has((), 1)) == (False, True, False)
    [entry] = (tmp_path / "cache").glob("*/model")
    assert not (entry / "model.safetensors").exists()
    assert torch.equal(logits_of(first.obtain((), 1, lambda *_: None).network), logits_of(model.network))


def test_a_training_goes_on_from_a_state_that_leaves_the_checkpoint_out(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    data = adapted(checkpoint(), snapshot)
    learning, fresh = trained(data).network, data.family.build(2)
    for network, name in ((learning, "a"), (fresh, "b")):
        parameters = [p for p in network.parameters() if p.requires_grad]
        optimizer = make_optimizer(data.recipe, parameters)
        if name == "a":
            save_checkpoint(tmp_path / "state", network, optimizer, 3)
        else:
            assert load_checkpoint(tmp_path / "state", network, optimizer) == 3
    assert all(torch.equal(ours, theirs) for ours, theirs in both_adapters(learning, fresh))
    stored = torch.load(tmp_path / "state", weights_only=True)["network"]
    assert sum(tensor.numel() for tensor in stored.values()) == data.footprint.parameters - data.footprint.frozen


def test_copies_share_the_checkpoint_and_not_the_adapter(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    data = adapted(checkpoint(), snapshot)
    model = TrainedModel(data.family.build(1), data.family)
    copy = model.copy_to(CPU)
    pairs = zip(model.network.parameters(), copy.network.parameters(), strict=True)
    assert all((ours is theirs) != ours.requires_grad for ours, theirs in pairs)


def test_only_what_learns_needs_room_for_gradients_and_moments(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    size = adapted(checkpoint(), snapshot).footprint
    learned = size.parameters - size.frozen
    assert 0 < learned < size.frozen
    batch = max(size.activations, size.scoring)
    assert memory_needed(size) == 4 * (4 * learned + size.frozen + batch)
    assert memory_needed(size, copies=6, bases=3) == 4 * (6 * learned + 3 * size.frozen + batch)


def test_a_job_trains_an_adapter_and_the_next_unlearns_from_it_and_is_judged(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    folder = checkpoint(gpt2)
    training = JobSpec(
        kind="train",
        reference="test",
        snapshot=SnapshotRef(str(snapshot.folder), snapshot.info.digest),
        recipe=adapter_recipe(folder),
        seed=1,
        cache=str(tmp_path / "cache"),
        base=str(folder),
    )
    made = run(training, tmp_path / "made", lambda _: None)
    unlearning = replace(
        training,
        kind="unlearn",
        model=ModelRef(str(tmp_path / "made" / "model"), made.model_digest),
        forget_ids=("e00000000", "e00000001"),
        method=MethodChoice("retrain"),
        protocol=Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14), looks=1),
    )
    result = run(unlearning, tmp_path / "out", lambda _: None)
    assert result.evaluation is not None
    assert result.second_training is not None
    assert result.second_training.weights == result.files["model/model.safetensors"]
    assert "model/adapter/adapter_model.safetensors" in result.files
    first, second = (read_model(tmp_path / name / "model", folder) for name in ("made", "out"))
    assert_same(frozen(first.network), frozen(second.network))
    assert not all(torch.equal(ours, theirs) for ours, theirs in both_adapters(first.network, second.network))
