"""Checkpoints that cannot be used, and recipes that do not fit theirs: refused with the reason before any training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from unlearning_jobs.engine.contracts import CHAT, CheckpointArchitecture, JobSpec, Recipe, SnapshotRef
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CheckpointError, SpecError
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint, read_config, read_network
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.training_data import TrainingData

from .foreign_checkpoints import Checkpoint, checkpoint, prepared, recipe_of, snapshot

__all__ = ["checkpoint", "snapshot"]
"""Fixtures."""


def config_of(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def with_another_tensor(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    save_file(tensors | {"model.layers.0.foo": tensors["model.norm.weight"].clone()}, file, metadata={"format": "pt"})


def without_end(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"eos_token": None}))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: config_of(folder, auto_map={"AutoModelForCausalLM": "evil.Model"}), "code of its own"),
        (lambda folder: config_of(folder, quantization_config={"load_in_4bit": True}), "quantised"),
        (lambda folder: config_of(folder, model_type="no-such-kind"), "does not know its architecture"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), "an adapter"),
        (pickled, "pickled"),
        (without_weights, "no weights"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "its tokenizer cannot be read"),
        (lambda folder: config_of(folder, intermediate_size=40), r"of another shape .*mlp"),
        (lambda folder: config_of(folder, num_hidden_layers=3), r"tensors are missing.*layers\.2"),
        (lambda folder: config_of(folder, model_type="gpt2"), r"tensors are missing"),
        (lambda folder: config_of(folder, hidden_size=65536, num_attention_heads=64), r"of another shape"),
        (with_another_tensor, r"1 tensors are missing, of no use or of another shape \(model\.layers\.0\.foo"),
        (without_end, "names no token that ends a text"),
    ],
)
def test_what_cannot_be_used_safely_or_at_all_is_refused(
    checkpoint: Checkpoint, spoil: Callable[[Path], object], why: str
) -> None:
    folder = checkpoint()
    spoil(folder)
    with pytest.raises(SpecError, match=why):
        describe_checkpoint(folder)


def test_a_missing_shard_is_named(checkpoint: Checkpoint) -> None:
    folder = checkpoint(shard="8KB")
    lost = sorted(folder.glob("model-*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(SpecError, match=f"1 of the .* are missing, such as {lost.name}"):
        describe_checkpoint(folder)


def test_tensors_that_are_not_those_of_the_architecture_are_named(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    folder = checkpoint()
    config_of(folder, intermediate_size=40)
    with pytest.raises(SpecError, match=r"tensors are missing, of no use or of another shape .*mlp"):
        prepared(folder, snapshot).family.build(1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"base_sha256": "0" * 64}, "not the one that the recipe names"),
        ({"hidden_size": 17}, "another hidden_size"),
        ({"max_length": 4096}, "lower max_length"),
        ({"template": CHAT}, "no template for conversations"),
    ],
)
def test_a_recipe_that_does_not_fit_the_checkpoint_is_refused(
    checkpoint: Checkpoint, snapshot: Snapshot, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(SpecError, match=why):
        prepared(checkpoint(), snapshot, **changes)


def test_a_tokenizer_of_another_checkpoint_is_refused(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    folder = checkpoint()
    own = AutoTokenizer.from_pretrained(folder)
    own.add_tokens([f"word{n}" for n in range(50)])
    own.save_pretrained(folder)
    with pytest.raises(SpecError, match="another checkpoint's tokenizer"):
        prepared(folder, snapshot)


def test_a_base_is_for_recipes_that_start_from_one(checkpoint: Checkpoint, snapshot: Snapshot, recipe: Recipe) -> None:
    folder, named = checkpoint(), SnapshotRef(str(snapshot.folder), snapshot.info.digest)
    for made, base, why in ((recipe, str(folder), "leave base out"), (recipe_of(folder), "", "name its folder as base")):
        with pytest.raises(SpecError, match=why):
            JobSpec("train", "test", named, made, 1, "cache", base=base)
    with pytest.raises(SpecError, match="leave base out"):
        TrainingData.prepare(recipe, snapshot, str(folder))


@pytest.mark.parametrize(("field", "value"), [("layers", 0), ("template", "no place"), ("template", "{prompt}{prompt}")])
def test_a_description_without_sense_is_refused(field: str, value: Any) -> None:
    with pytest.raises(SpecError):
        replace(CheckpointArchitecture("1" * 64, 1, 1, 1, 1), **{field: value})


def test_a_checkpoint_that_is_swapped_while_models_are_trained_from_it_is_noticed(
    checkpoint: Checkpoint, snapshot: Snapshot
) -> None:
    folder = checkpoint()
    family = prepared(folder, snapshot).family
    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor + 0.01 for name, tensor in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(SpecError, match="not the one that the recipe names"):
        family.build(2)


def test_a_model_is_written_whole_although_its_checkpoint_has_gone(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    folder = checkpoint()
    family = prepared(folder, snapshot).family
    model = TrainedModel(family.build(1), family)
    shutil.rmtree(folder)
    save_model(model, tmp_path / "model", {})
    assert read_model(tmp_path / "model").family.encode(snapshot.examples("train"))
    assert AutoTokenizer.from_pretrained(tmp_path / "model").eos_token == "</s>"


@pytest.mark.parametrize("how", [{}, {"shard": "8KB"}], ids=["in one file", "in shards"])
def test_weights_that_are_cut_off_are_refused_before_and_while_they_are_read(
    checkpoint: Checkpoint, how: dict[str, Any]
) -> None:
    folder = checkpoint(**how)
    weights = max(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=f"{weights.name} is no whole file of weights"):
        describe_checkpoint(folder)
    with pytest.raises(CheckpointError, match=f"{weights.name} is no whole file of weights"):
        read_network(folder, read_config(folder))
