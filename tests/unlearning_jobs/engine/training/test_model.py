"""Model folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import ModelRef
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import causal_lm
from unlearning_jobs.engine.families.tokens import END_ID
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, load_model, read_model, save_model


@pytest.fixture
def folder(model: TrainedModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "m", {"seed": 1})
    return tmp_path / "m"


def test_a_saved_model_comes_back(model: TrainedModel, folder: Path, snapshot: Snapshot) -> None:
    loaded = load_model(ModelRef(str(folder), model_digest(folder)))
    assert all(torch.equal(a, b) for a, b in zip(model.network.parameters(), loaded.network.parameters(), strict=True))
    examples = list(snapshot.examples())
    assert loaded.family.encode(examples) == model.family.encode(examples)


def test_transformers_reads_the_tokenizer_with_what_begins_ends_and_fills_texts(folder: Path) -> None:
    loaded = AutoTokenizer.from_pretrained(folder)
    assert (loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id) == (END_ID, END_ID, END_ID)


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


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("model.safetensors", b"no weights", "model.safetensors is missing or damaged"),
        ("tokenizer.json", b"{}", "its description is incomplete or damaged"),
        ("lethe.json", b'{"seed": 1}', "not made by a recipe: it has no lethe.json"),
        ("lethe.json", b'{"family": "causal_lm"}', "its description is incomplete or damaged"),
    ],
)
def test_a_folder_that_holds_something_else_is_refused_with_its_reason(
    folder: Path, name: str, content: bytes, why: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(SpecError, match=why):
        load_model(ModelRef(str(folder), model_digest(folder)))


def test_weights_that_do_not_fit_are_named(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    weights["model.norm.weight"] = weights["model.norm.weight"][:-1].clone()
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(SpecError, match=r"2 tensors are .*\(lm_head.weight, model.norm.weight\)"):
        read_model(folder)


# A checkpoint from elsewhere would lose what no recipe of ours makes, and answer otherwise once it is written again.


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"tie_word_embeddings": False}, "differs in tie_word_embeddings"),
        ({"num_key_value_heads": 1}, "differs in num_key_value_heads"),
        ({"bos_token_id": 5, "eos_token_id": 6}, "differs in bos_token_id, eos_token_id"),
        ({"model_type": "gpt2", "n_embd": 1 << 20, "n_layer": 1000}, "is a gpt2, and a causal_lm is a llama"),
    ],
)
def test_a_configuration_that_no_recipe_makes_is_refused_before_anything_is_built(
    folder: Path, changed: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | changed))
    monkeypatch.delattr(causal_lm, "LlamaForCausalLM")
    with pytest.raises(SpecError, match=why):
        read_model(folder)


def test_a_text_that_spells_a_control_token_out_holds_its_letters(model: TrainedModel) -> None:
    said = Example("e1", "train", "Who?", "The end <|endoftext|> is near.")
    [encoded] = model.family.encode([said]).encoded  # type: ignore[attr-defined]  # of language models
    assert [place for place, token in enumerate(encoded.ids) if token == END_ID] == [0, len(encoded.ids) - 1]


def test_parameters_are_counted_before_the_model_exists(trainer: Trainer) -> None:
    network = trainer.training_data.family.build(0)
    assert trainer.training_data.footprint.parameters == sum(p.numel() for p in network.parameters())
