"""Models that were trained elsewhere from a checkpoint, written with transformers alone, and imported."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from unlearning_jobs.engine.artefacts import checkpoint_digest, model_digest
from unlearning_jobs.engine.contracts import JobSpec, ModelRef, Recipe, SnapshotRef
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError, SpecError
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.families.foreign_adapters import describe_adapter
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.model import load_model

from .foreign_adapters import write_adapter
from .foreign_checkpoints import Checkpoint, checkpoint, gpt2, recipe_of, snapshot, trained_elsewhere
from .test_checkpoints import config_of, pickled
from .test_finetuned_lm import logits_outside

__all__ = ["checkpoint", "snapshot"]
"""Fixtures."""
Spoil = Callable[[Path], object]


def import_of(base: Path, artefact: Path, snapshot: Snapshot, **changes: Any) -> JobSpec:
    spec = JobSpec(
        kind="import",
        reference="model:keeper",
        snapshot=SnapshotRef(str(snapshot.folder), snapshot.info.digest),
        recipe=recipe_of(base),
        seed=3,
        cache=str(base.parent / "cache"),
        base=str(base),
        artefact=ModelRef(str(artefact), checkpoint_digest(artefact)),
        assurance="declared",
    )
    return replace(spec, **changes)


@pytest.mark.parametrize(
    "how",
    [{"kind": gpt2}, {"tie_word_embeddings": False}, {"tie_word_embeddings": True, "chats": True}],
    ids=["gpt2", "llama, untied", "llama, tied, with a chat template"],
)
@pytest.mark.parametrize("saved", [{"max_shard_size": "8KB"}, {"dtype": torch.bfloat16}], ids=["in shards", "in bfloat16"])
def test_a_model_comes_out_in_our_form_with_the_logits_that_it_has(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, how: dict[str, Any], saved: dict[str, Any]
) -> None:
    base = checkpoint(**how)
    artefact = trained_elsewhere(base, tmp_path / "elsewhere", **saved)
    result = run(import_of(base, artefact, snapshot), tmp_path / "out", lambda _: None)
    expected = logits_outside(artefact, dtype=torch.float32)
    assert not torch.allclose(expected, logits_outside(base), atol=1e-3)
    assert torch.equal(logits_outside(tmp_path / "out" / "model"), expected)
    model = load_model(ModelRef(str(tmp_path / "out" / "model"), result.model_digest))
    with torch.no_grad():
        assert torch.equal(cast("Any", model.network)(torch.tensor([[1, 9, 30, 40, 2]])).logits, expected)
    about = json.loads((tmp_path / "out" / "model" / "lethe.json").read_bytes())
    assert (about["assurance"], about["artefact"], about["seed"]) == ("declared", checkpoint_digest(artefact), 3)
    assert (result.kind, result.train_examples, "train" in result.seconds) == ("import", 12, False)
    assert 0 <= result.training_metrics["exact_memorization"] <= 1
    assert model_digest(tmp_path / "out" / "model") == result.model_digest


def another_tokenizer(folder: Path) -> None:
    own = AutoTokenizer.from_pretrained(folder)
    own.add_tokens(["lighthouse"])
    own.save_pretrained(folder)


def another_end(folder: Path) -> None:
    own = AutoTokenizer.from_pretrained(folder)
    own.eos_token = own.bos_token
    own.save_pretrained(folder)


def cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (pickled, "its weights are pickled"),
        (cut_off, "is no whole file of weights"),
        (lambda folder: config_of(folder, auto_map={"AutoModelForCausalLM": "evil.Model"}), "code of its own"),
        (lambda folder: config_of(folder, rms_norm_eps=0.1), r"configuration differs .*rms_norm_eps"),
        (lambda folder: config_of(folder, hidden_size=32), "another hidden_size"),
        (another_tokenizer, "its tokenizer is another than its checkpoint's"),
        (another_end, "its tokenizer has another eos_token"),
    ],
)
def test_what_cannot_be_read_safely_or_contradicts_its_recipe_is_refused(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, spoil: Spoil, why: str
) -> None:
    base = checkpoint()
    artefact = trained_elsewhere(base, tmp_path / "elsewhere")
    spoil(artefact)
    with pytest.raises(SpecError, match=why) as refused:
        run(import_of(base, artefact, snapshot), tmp_path / "out", lambda _: None)
    assert refused.value.code == "bad_artefact"
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_model_that_is_swapped_after_it_was_named_is_refused(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    base = checkpoint()
    artefact = trained_elsewhere(base, tmp_path / "elsewhere")
    spec = import_of(base, artefact, snapshot)
    trained_elsewhere(base, artefact, seed=8)
    with pytest.raises(SpecError, match="not the one that was named"):
        run(spec, tmp_path / "out", lambda _: None)


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_weights_that_are_no_finite_numbers_make_no_model(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, number: str
) -> None:
    base = checkpoint()
    artefact = trained_elsewhere(base, tmp_path / "elsewhere")
    weights = load_file(artefact / "model.safetensors")
    weights[min(weights)][0] = float(number)
    save_file(weights, artefact / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        SpecError, match="The weights in elsewhere cannot be used: some of them are NaN or infinite"
    ) as caught:
        run(import_of(base, artefact, snapshot), tmp_path / "out", lambda _: None)
    assert caught.value.code == "bad_artefact"
    assert not (tmp_path / "out" / "model").exists()


def test_it_can_have_been_trained_without_training_examples_alone(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    base = checkpoint()
    spec = import_of(base, trained_elsewhere(base, tmp_path / "elsewhere"), snapshot)
    for ids, error, why in (
        (("e00000000", "e00000000"), SpecError, "named twice"),
        (("e00000013",), SpecError, "is no training example"),
        (("e00000099",), CorpusError, "no example"),
    ):
        with pytest.raises(error, match=why):
            run(replace(spec, exclude_ids=ids), tmp_path / "out", lambda _: None)
    result = run(replace(spec, exclude_ids=("e00000000",)), tmp_path / "out", lambda _: None)
    assert result.train_examples == 11


def test_an_import_names_what_it_imports_and_says_that_it_is_declared(
    checkpoint: Checkpoint, snapshot: Snapshot, recipe: Recipe, tmp_path: Path
) -> None:
    base = checkpoint()
    spec = import_of(base, trained_elsewhere(base, tmp_path / "elsewhere"), snapshot)
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"artefact": None}, "An import names its artefact"),
        ({"kind": "train"}, "no other job has one"),
        ({"kind": "train", "artefact": None}, "trained here is reproduced"),
        ({"assurance": "reproduced"}, "imported is declared"),
        ({"recipe": recipe, "base": ""}, "A causal_lm cannot be imported: .* train it here"),
    )
    for one, why in changes:
        with pytest.raises(SpecError, match=why):
            replace(spec, **one)


def test_an_adapter_comes_in_beside_its_checkpoint_if_its_recipe_declares_it(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    base = checkpoint()
    logits = write_adapter(base, tmp_path / "adapter", target_modules=["q_proj", "v_proj"])
    declared = describe_adapter(tmp_path / "adapter", base)
    recipe = recipe_of(base)
    fits = replace(recipe, architecture=describe_checkpoint(base, adapter=declared))
    result = run(import_of(base, tmp_path / "adapter", snapshot, recipe=fits), tmp_path / "out", lambda _: None)
    assert result.model_digest == model_digest(tmp_path / "out" / "model")
    assert torch.allclose(logits_outside(tmp_path / "out" / "model"), logits, atol=1e-5)
    assert (tmp_path / "out" / "model" / "adapter" / "adapter_model.safetensors").is_file()

    for other in (replace(declared, rank=2), replace(declared, alpha=3.0), replace(declared, targets=("q_proj",))):
        recipe = replace(recipe, architecture=describe_checkpoint(base, adapter=replace(other, parameters=0)))
        spec = import_of(base, tmp_path / "adapter", snapshot, recipe=recipe)
        with pytest.raises(SpecError, match="another rank, alpha or other targets") as refused:
            run(spec, tmp_path / "refused", lambda _: None)
        assert refused.value.code == "bad_artefact"
