"""Adapters that peft alone has written, read together with their checkpoint; what is none of it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from unlearning_jobs.engine.contracts import Adapter
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.checkpoints import read_config, read_tokenizer
from unlearning_jobs.engine.families.finetuned_lm import FinetunedLmFamily
from unlearning_jobs.engine.families.foreign_adapters import read_adapter
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model

from .foreign_adapters import adapted, logits_of, with_adapter, write_adapter
from .foreign_checkpoints import Checkpoint, checkpoint, gpt2, snapshot
from .foreign_checkpoints import write_checkpoint as another

__all__ = ["checkpoint", "snapshot"]
"""Fixtures."""
ATTENTION: dict[str, Any] = {"target_modules": ["q_proj", "v_proj"]}


@pytest.mark.parametrize(
    ("kind", "settings", "targets"),
    [
        (gpt2, {"target_modules": "all-linear", "fan_in_fan_out": True}, ("c_attn", "c_fc", "c_proj")),
        (None, ATTENTION, ("q_proj", "v_proj")),
        (None, {"target_modules": r".*\.(up|down)_proj"}, ("down_proj", "up_proj")),
        (
            None,
            ATTENTION | {"layers_to_transform": 1},
            ("model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj"),
        ),
        (None, ATTENTION | {"lora_dropout": 0.1, "dtype": torch.float16}, ("q_proj", "v_proj")),
    ],
    ids=["gpt2", "llama", "by a pattern", "in one block", "half precision, with dropout"],
)
def test_an_adapter_from_elsewhere_answers_as_it_does_elsewhere(
    checkpoint: Checkpoint, tmp_path: Path, kind: Any, settings: dict[str, Any], targets: tuple[str, ...]
) -> None:
    base = checkpoint(kind) if kind else checkpoint()
    logits = write_adapter(base, tmp_path / "adapter", **settings)
    architecture, network = read_adapter(tmp_path / "adapter", base, max_length=48)
    assert torch.allclose(logits_of(network), logits, atol=1e-5)
    adapter = architecture.adapter
    assert adapter is not None
    assert (adapter.rank, adapter.alpha, adapter.targets) == (4, 8, targets)
    assert architecture.max_length == 48
    family = FinetunedLmFamily(base, read_config(base), read_tokenizer(base), architecture)

    save_model(TrainedModel(network, family), tmp_path / "model", {})
    assert torch.equal(logits_of(read_model(tmp_path / "model", base).network), logits_of(network))
    assert torch.allclose(logits_of(with_adapter(base, tmp_path / "model" / "adapter")), logits, atol=1e-5)


def settings_of(folder: Path, **changes: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


def tensors_of(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    path = folder / "adapter_model.safetensors"
    save_file(change(load_file(path)), path)


def without_one(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return dict(sorted(tensors.items())[1:])


def longer(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.cat([tensor, tensor]) for name, tensor in tensors.items()}


def of_an_embedding(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return tensors | {"base_model.model.model.embed_tokens.lora_embedding_A": torch.zeros(4, 300)}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "adapter_config.json").unlink(), "no adapter_config.json"),
        (lambda folder: (folder / "adapter_config.json").write_text("["), "cannot be read"),
        (lambda folder: (folder / "adapter_config.json").write_text("[]"), "cannot be read"),
        (lambda folder: (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin"), "pickled"),
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "no weights"),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"cut"), "damaged"),
        (lambda folder: settings_of(folder, peft_type="IA3"), "it is a IA3, and only LoRA is read"),
        (lambda folder: settings_of(folder, r=None), "names no rank"),
        (lambda folder: settings_of(folder, r=10**9), "of its tensors fit no linear layer"),
        (lambda folder: settings_of(folder, lora_alpha=0), "alpha above 0"),
        (lambda folder: settings_of(folder, bias="all"), "changes biases"),
        (lambda folder: settings_of(folder, use_dora=True, use_rslora=True), r"variant of LoRA \(use_dora, use_rslora\)"),
        (lambda folder: settings_of(folder, modules_to_save=["lm_head"]), "variant of LoRA"),
        (lambda folder: settings_of(folder, never_heard_of={"a": 1}), "variant of LoRA"),
        (lambda folder: settings_of(folder, init_lora_weights="pissa"), "made by pissa, which changes its checkpoint"),
        (lambda folder: tensors_of(folder, without_one), "1 of its tensors are missing .*lora_A"),
        (lambda folder: tensors_of(folder, longer), "of its tensors fit no linear layer"),
        (lambda folder: tensors_of(folder, of_an_embedding), "1 of its tensors fit no linear layer .*embed_tokens"),
        (lambda folder: tensors_of(folder, lambda _: {}), "holds no tensors"),
    ],
)
def test_what_is_no_plain_adapter_is_refused_with_the_reason(
    checkpoint: Checkpoint, tmp_path: Path, spoil: Callable[[Path], object], why: str
) -> None:
    base = checkpoint()
    write_adapter(base, tmp_path / "adapter", **ATTENTION)
    spoil(tmp_path / "adapter")
    with pytest.raises(SpecError, match=why):
        read_adapter(tmp_path / "adapter", base)


def test_an_adapter_of_another_checkpoint_is_refused_as_far_as_that_can_be_seen(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    base, wider, kind = checkpoint(), tmp_path / "wider", tmp_path / "kind"
    write_adapter(base, tmp_path / "adapter", **ATTENTION)
    another(wider, num_key_value_heads=4)
    another(kind, gpt2)
    for other in (wider, kind):
        with pytest.raises(SpecError, match="of its tensors fit no linear layer that the checkpoint has"):
            read_adapter(tmp_path / "adapter", other)

    # One that was written here says by a digest which checkpoint it is for.
    data = adapted(base, snapshot, Adapter(4, 8, ("q_proj",)))
    save_model(TrainedModel(data.family.build(1), data.family), tmp_path / "model", {})
    assert read_adapter(tmp_path / "model" / "adapter", base)
    alike = another(tmp_path / "alike", rms_norm_eps=1e-4)
    with pytest.raises(SpecError, match="another checkpoint than alike: its digest differs"):
        read_adapter(tmp_path / "model" / "adapter", alike)


def test_an_adapter_with_another_tokenizer_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    base = checkpoint()
    write_adapter(base, tmp_path / "adapter", **ATTENTION)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.save_pretrained(tmp_path / "adapter")
    assert read_adapter(tmp_path / "adapter", base)
    tokenizer.add_tokens(["word"])
    tokenizer.save_pretrained(tmp_path / "adapter")
    with pytest.raises(SpecError, match="its tokenizer is another than that of checkpoint"):
        read_adapter(tmp_path / "adapter", base)


def test_the_base_is_checked_as_every_checkpoint_is(checkpoint: Checkpoint, tmp_path: Path) -> None:
    base = checkpoint()
    write_adapter(base, tmp_path / "adapter", **ATTENTION)
    with pytest.raises(SpecError, match="it is an adapter, and models start from its base"):
        read_adapter(tmp_path / "adapter", tmp_path / "adapter")
    (base / "config.json").unlink()
    with pytest.raises(SpecError, match=r"no config\.json"):
        read_adapter(tmp_path / "adapter", base)


def test_an_adapter_that_was_read_learns_on_and_its_checkpoint_does_not(checkpoint: Checkpoint, tmp_path: Path) -> None:
    base = checkpoint()
    write_adapter(base, tmp_path / "adapter", **ATTENTION)
    _, network = read_adapter(tmp_path / "adapter", base)
    torch.autograd.backward(cast("Any", network)(torch.tensor([[1, 9, 30]])).logits.sum())
    assert all((p.grad is not None) == p.requires_grad == ("lora_" in name) for name, p in network.named_parameters())
