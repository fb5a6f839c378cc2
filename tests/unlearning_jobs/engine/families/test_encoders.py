"""What a classifier from the checkpoint of an encoder starts from: here, in shards, and elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from unlearning_jobs.engine.artefacts import checkpoint_digest, model_digest
from unlearning_jobs.engine.contracts import EncoderArchitecture, JobSpec, ModelRef, SnapshotRef
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CheckpointError, SpecError
from unlearning_jobs.engine.families.encoders import describe_encoder
from unlearning_jobs.engine.families.foreign_adapters import check_foreign
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.training_data import TrainingData

from .encoder_checkpoints import (
    CPU,
    LABELS,
    bert,
    bert_with_classes,
    bert_with_hidden_words,
    classifier_elsewhere,
    deberta,
    prepared,
    recipe_of,
    roberta,
    said,
    said_outside,
    snapshot,
    trained,
    write_encoder,
)
from .foreign_checkpoints import write_checkpoint
from .test_checkpoints import config_of

__all__ = ["snapshot"]
"""A fixture."""
HEAD = ("classifier.weight", "classifier.bias")


# What a training starts from.


@pytest.mark.parametrize("kind", [bert, bert_with_hidden_words, roberta, deberta])
def test_the_seed_decides_the_head_alone_and_the_checkpoint_all_else(
    tmp_path: Path, snapshot: Snapshot, kind: Callable[[int], nn.Module]
) -> None:
    family = prepared(write_encoder(tmp_path / "checkpoint", kind, shard="16KB"), snapshot).family
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    first, again, other = (family.build(seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state()), "nobody else's draws depend on it"
    assert all(torch.equal(first[name], again[name]) for name in first)
    differ = {name for name in first if not torch.equal(first[name], other[name])}
    assert differ
    assert all("pooler" in name or name.startswith("classifier.") for name in differ)
    stored = {
        key.partition(".")[2] if key.partition(".")[0] in ("bert", "roberta", "deberta") else key: tensor
        for file in (tmp_path / "checkpoint").glob("*.safetensors")
        for key, tensor in load_file(file).items()
    }
    encoder = {name.partition(".")[2]: tensor for name, tensor in first.items() if name not in differ and "." in name}
    assert all(torch.equal(tensor, stored[name]) for name, tensor in encoder.items() if name in stored)
    assert len(encoder.keys() & stored.keys()) > 30


def test_dropout_is_off_in_training_and_stays_in_the_folder(tmp_path: Path, snapshot: Snapshot) -> None:
    family = prepared(write_encoder(tmp_path / "checkpoint"), snapshot).family
    network = family.build(1).train()
    data = family.encode(list(snapshot.examples("train"))[:4]).batch(range(4), CPU)
    assert torch.equal(family.predict(network, data).logits, family.predict(network, data).logits)
    save_model(TrainedModel(network, family), tmp_path / "model", {})
    config = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").config
    assert config.hidden_dropout_prob == 0.1


def test_a_head_for_the_same_classes_is_taken_over_in_the_order_of_the_labels(tmp_path: Path, snapshot: Snapshot) -> None:
    turned = (LABELS[2], LABELS[0], LABELS[1])
    folder = write_encoder(tmp_path / "checkpoint", bert_with_classes, labels=turned)
    family = prepared(folder, snapshot).family
    network, stored = family.build(1).state_dict(), load_file(folder / "model.safetensors")
    for name in HEAD:
        assert torch.equal(network[name], stored[name][[turned.index(label) for label in LABELS]])
        assert torch.equal(network[name], family.build(2).state_dict()[name])


@pytest.mark.parametrize("labels", [("a", "b", "c"), ("a", "b"), (*LABELS, "other")])
def test_a_head_for_other_classes_is_replaced_by_one_of_the_seed(
    tmp_path: Path, snapshot: Snapshot, labels: tuple[str, ...]
) -> None:
    folder = write_encoder(tmp_path / "checkpoint", bert_with_classes, labels=labels)
    family = prepared(folder, snapshot).family
    first, second = family.build(1).state_dict(), family.build(2).state_dict()
    assert {name for name in first if not torch.equal(first[name], second[name])} == {"classifier.weight"}
    assert not first["classifier.bias"].any(), "as every new one"
    assert first["classifier.weight"].shape == (3, 16)


@pytest.mark.parametrize(
    ("kind", "changes", "why"),
    [
        (bert, {"num_hidden_layers": 3}, r"encoder\.layer\.2"),
        (bert, {"num_hidden_layers": 1}, r"encoder\.layer\.1"),
        (bert, {"intermediate_size": 40}, r"intermediate"),
        (bert_with_hidden_words, {"num_hidden_layers": 1}, r"bert\.encoder\.layer\.1"),
    ],
)
def test_tensors_of_the_encoder_that_do_not_fit_are_named(
    tmp_path: Path, snapshot: Snapshot, kind: Callable[[int], nn.Module], changes: dict[str, Any], why: str
) -> None:
    folder, whole = write_encoder(tmp_path / "checkpoint", kind), write_encoder(tmp_path / "whole", kind)
    config_of(folder, **changes)
    with pytest.raises(CheckpointError, match=f"tensors are missing, of no use or of another shape .*{why}"):
        describe_encoder(folder)
    shape = recipe_of(whole).architecture.to_json() | {"base_sha256": checkpoint_digest(folder)} | said_of(changes)
    recipe = replace(recipe_of(whole), architecture=EncoderArchitecture.from_json(shape))
    family = TrainingData.prepare(recipe, snapshot, str(folder)).family
    with pytest.raises(CheckpointError, match=f"tensors are missing, of no use or of another shape .*{why}"):
        family.build(1)


def said_of(changes: dict[str, Any]) -> dict[str, Any]:
    """What a recipe says of a changed configuration."""
    return {"layers": changes["num_hidden_layers"]} if "num_hidden_layers" in changes else {}


def test_a_checkpoint_that_is_swapped_while_models_are_trained_from_it_is_noticed(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    folder = write_encoder(tmp_path / "checkpoint")
    family = prepared(folder, snapshot).family
    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor + 0.01 for name, tensor in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="not the one that the recipe names"):
        family.build(2)


# In shards.


@pytest.mark.parametrize("aggregation", ["vote", "mean", "merge"])
def test_shards_that_answer_together_are_read_again(tmp_path: Path, snapshot: Snapshot, aggregation: Any) -> None:
    folder = write_encoder(tmp_path / "checkpoint")
    recipe = replace(recipe_of(folder), epochs=1, sharding=Sharding(2, 1, aggregation=aggregation))
    model = trained(TrainingData.prepare(recipe, snapshot, str(folder)))
    save_model(model, tmp_path / "model", {})
    examples = list(snapshot.examples("held_out"))
    assert torch.equal(said(read_model(tmp_path / "model", folder), examples), said(model, examples))
    assert (tmp_path / "model" / "config.json").exists() == (aggregation == "merge"), "no single network answers so"


# Models that were trained elsewhere.


def import_of(base: Path, artefact: Path, snapshot: Snapshot) -> JobSpec:
    return JobSpec(
        kind="import",
        reference="model:notes",
        snapshot=SnapshotRef(str(snapshot.folder), snapshot.info.digest),
        recipe=recipe_of(base),
        seed=3,
        cache=str(base.parent / "cache"),
        base=str(base),
        artefact=ModelRef(str(artefact), checkpoint_digest(artefact)),
        assurance="declared",
    )


@pytest.mark.parametrize("kind", [bert, roberta])
@pytest.mark.parametrize("labels", [LABELS, LABELS[::-1]], ids=["in order", "in another order"])
def test_a_classifier_comes_in_with_the_answers_that_it_has(
    tmp_path: Path, snapshot: Snapshot, kind: Callable[[int], nn.Module], labels: tuple[str, ...]
) -> None:
    base = write_encoder(tmp_path / "checkpoint", kind)
    artefact = classifier_elsewhere(base, tmp_path / "elsewhere", labels)
    spec = import_of(base, artefact, snapshot)
    check_foreign(artefact, base, spec.recipe)
    result = run(spec, tmp_path / "out", lambda _: None)
    texts = [one.prompt for one in snapshot.examples("train")]
    expected, found = said_outside(artefact, texts), said_outside(tmp_path / "out" / "model", texts)
    assert torch.equal(found, expected[:, [labels.index(label) for label in LABELS]])
    assert result.model_digest == model_digest(tmp_path / "out" / "model")
    assert torch.allclose(said(read_model(tmp_path / "out" / "model"), list(snapshot.examples("train"))), found, atol=1e-5)


def another_end(folder: Path) -> None:
    own = AutoTokenizer.from_pretrained(folder)
    own.backend_tokenizer.post_processor = None
    own.save_pretrained(folder)


def no_head(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({k: t for k, t in weights.items() if k not in HEAD}, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: config_of(folder, id2label={0: "a", 1: "b", 2: "c"}), "are not the labels of the corpus"),
        (lambda folder: config_of(folder, problem_type="regression"), r"another problem \(regression\)"),
        (lambda folder: config_of(folder, hidden_act="relu"), r"configuration differs .*hidden_act"),
        (another_end, "its tokenizer is another"),
        (no_head, r"2 tensors are missing, .* \(classifier.bias, classifier.weight\)"),
    ],
)
def test_what_contradicts_its_recipe_is_refused(
    tmp_path: Path, snapshot: Snapshot, spoil: Callable[[Path], object], why: str
) -> None:
    base = write_encoder(tmp_path / "checkpoint")
    artefact = classifier_elsewhere(base, tmp_path / "elsewhere")
    spoil(artefact)
    with pytest.raises(SpecError, match=why) as refused:
        run(import_of(base, artefact, snapshot), tmp_path / "out", lambda _: None)
    assert refused.value.code == "bad_artefact"


def test_a_model_of_another_kind_than_the_recipe_is_refused_at_once(tmp_path: Path) -> None:
    base = write_encoder(tmp_path / "checkpoint")
    with pytest.raises(SpecError, match="of another kind than finetuned_classifier models are"):
        check_foreign(write_checkpoint(tmp_path / "writer"), base, recipe_of(base))
