"""Model folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import ModelRef
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, load_model, save_model


@pytest.fixture
def folder(model: TrainedModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "m", {"seed": 1})
    return tmp_path / "m"


def test_a_saved_model_comes_back(model: TrainedModel, folder: Path, snapshot: Snapshot) -> None:
    loaded = load_model(ModelRef(str(folder), model_digest(folder)))
    assert all(torch.equal(a, b) for a, b in zip(model.network.parameters(), loaded.network.parameters(), strict=True))
    examples = list(snapshot.examples())
    assert loaded.family.encode(examples) == model.family.encode(examples)


def test_transformers_reads_the_folder_as_it_is(model: TrainedModel, folder: Path) -> None:
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([[0, 5, 9]])
    assert torch.allclose(loaded(ids).logits, model.network(ids).logits, atol=1e-6)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "lethe.json"])
def test_a_changed_file_is_noticed(folder: Path, name: str) -> None:
    digest = model_digest(folder)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(SpecError, match="digest differs"):
        load_model(ModelRef(str(folder), digest))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no model folder"):
        load_model(ModelRef(str(tmp_path / "gone"), "0" * 64))


def test_a_folder_that_holds_something_else_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(SpecError, match="cannot be read"):
        load_model(ModelRef(str(folder), model_digest(folder)))


def test_parameters_are_counted_before_the_model_exists(trainer: Trainer) -> None:
    network = trainer.training_data.family.build(0)
    assert trainer.training_data.footprint.parameters == sum(p.numel() for p in network.parameters())
