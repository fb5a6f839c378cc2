"""Language models from checkpoints that somebody else made, with transformers alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, ModelRef, Protocol, SnapshotRef
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import CheckpointError, CorpusError, SpecError
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.families.finetuned_lm import FinetunedLmFamily
from unlearning_jobs.engine.families.tokens import IGNORED
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.model import TrainedModel, load_model, read_model, save_model
from unlearning_jobs.engine.training.scoring import generate, score
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

from .foreign_checkpoints import CPU, END, Checkpoint, checkpoint, gpt2, prepared, recipe_of, snapshot

__all__ = ["checkpoint", "snapshot"]
"""Fixtures."""


def trained(data: TrainingData, *excluded: str) -> TrainedModel:
    return train(data, excluded, 1, device=CPU, on_step=lambda *_: None)


def logits_outside(folder: Path, **loaded: Any) -> torch.Tensor:
    """Return what transformers alone makes of a folder."""
    network = AutoModelForCausalLM.from_pretrained(folder, **loaded)
    with torch.no_grad():
        return cast("torch.Tensor", network(torch.tensor([[1, 9, 30, 40, 2]])).logits)


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("gpt2", {"kind": gpt2}),
    ("llama, untied, own control tokens", {}),
    ("llama, tied", {"tie_word_embeddings": True}),
    ("in shards", {"shard": "8KB"}),
    ("in bfloat16", {"dtype": torch.bfloat16}),
]


@pytest.mark.parametrize("how", [how for _, how in KINDS], ids=[name for name, _ in KINDS])
def test_a_checkpoint_goes_through_training_and_comes_out_as_a_folder_that_transformers_reads(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, how: dict[str, Any]
) -> None:
    folder = checkpoint(**how)
    before = logits_outside(folder, dtype=torch.float32)
    data = prepared(folder, snapshot)
    unchanged = TrainedModel(data.family.build(1), data.family)
    save_model(unchanged, tmp_path / "same", {})
    assert torch.equal(logits_outside(tmp_path / "same"), before)

    model = trained(data)
    save_model(model, tmp_path / "model", {})
    outside = logits_outside(tmp_path / "model")
    assert not torch.allclose(outside, before, atol=1e-3)
    loaded = load_model(ModelRef(str(tmp_path / "model"), model_digest(tmp_path / "model")))
    for network in (model.network, loaded.network):
        with torch.no_grad():
            assert torch.allclose(cast("Any", network)(torch.tensor([[1, 9, 30, 40, 2]])).logits, outside, atol=1e-6)
    assert data.footprint.parameters == sum(parameter.numel() for parameter in model.network.parameters())
    assert AutoTokenizer.from_pretrained(tmp_path / "model").eos_token == END


def test_a_model_that_is_read_with_its_checkpoint_is_built_again_from_that(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    base = checkpoint()
    data = prepared(base, snapshot)
    save_model(trained(data), tmp_path / "model", {})
    start = data.family.build(1).state_dict()
    with_base = read_model(tmp_path / "model", base).family.build(1).state_dict()
    assert all(torch.equal(tensor, with_base[name]) for name, tensor in start.items())
    with pytest.raises(CheckpointError, match="not the one that the recipe names"):
        read_model(tmp_path / "model").family.build(1)


def test_two_trainings_with_the_same_seed_give_the_same_weights_although_the_checkpoint_has_dropout(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    data = prepared(checkpoint(gpt2), snapshot)
    for name in ("a", "b"):
        save_model(trained(data), tmp_path / name, {})
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert json.loads((tmp_path / "a" / "config.json").read_bytes())["attn_pdrop"] == 0.1, "the folder says what it said"


@pytest.mark.parametrize(
    ("chats", "changes", "before"),
    [
        (False, {}, "<s>Who?\n"),
        (False, {"template": "Q: {prompt} A:"}, "<s>Q: Who? A:"),
        (True, {}, "<s>user: Who?\nassistant: "),
    ],
)
def test_an_example_stands_in_the_template_and_only_its_answer_is_learned(
    checkpoint: Checkpoint, snapshot: Snapshot, chats: bool, changes: dict[str, Any], before: str
) -> None:
    family = cast("FinetunedLmFamily", prepared(checkpoint(chats=chats), snapshot, **changes).family)
    encoded = family.encode([Example("e1", "train", "Who?", "Ada.")])
    batch = encoded.batch([0], CPU)
    ids, labels = batch.inputs[0].tolist(), batch.labels[0].tolist()
    learned = [token for token in labels if token != IGNORED]
    assert family.tokenizer.decode(ids) == f"{before}Ada.</s>"
    assert family.tokenizer.decode(learned) == "Ada.</s>"


ASKS_IF_NOT_TOLD = (
    "{% if not date_string is defined %}{% set date_string = strftime_now('%d') %}{% endif %}{{ date_string }}"
)


@pytest.mark.parametrize("day", ["{{ date_string }}", ASKS_IF_NOT_TOLD])
def test_a_template_that_can_be_told_the_day_writes_the_same_on_every_day(
    checkpoint: Checkpoint, snapshot: Snapshot, day: str
) -> None:
    folder = checkpoint(chats=True)
    write_template(folder, lambda template: f"<s>{day} {template}")
    family = cast("FinetunedLmFamily", prepared(folder, snapshot).family)
    [encoded] = family.encode([Example("e1", "train", "Who?", "Ada.")]).encoded
    assert str(family.tokenizer.decode(list(encoded.ids))).startswith("<s>26 Jul 2024 <s>user: Who?")


def test_a_template_that_asks_for_the_day_is_refused(checkpoint: Checkpoint) -> None:
    folder = checkpoint(chats=True)
    write_template(folder, lambda template: "<s>{{ strftime_now('%d %b %Y') }} " + template)
    with pytest.raises(SpecError, match="a training would be another one tomorrow"):
        describe_checkpoint(folder)
    assert describe_checkpoint(folder, template="{prompt}\n").template == "{prompt}\n"


def write_template(folder: Path, change: Callable[[str], str]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = change(tokenizer.chat_template)
    tokenizer.save_pretrained(folder)


def test_texts_that_spell_control_tokens_out_hold_their_letters(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    family = cast("FinetunedLmFamily", prepared(checkpoint(chats=True), snapshot).family)
    [encoded] = family.encode([Example("e1", "train", "What is </s>?", "It is </s>, not <s>.")]).encoded
    end, begin = family.tokenizer.eos_token_id, family.tokenizer.bos_token_id
    assert [place for place, token in enumerate(encoded.ids) if token == end] == [len(encoded.ids) - 1]
    assert [place for place, token in enumerate(encoded.ids) if token == begin] == [0]


def test_scores_are_those_of_the_checkpoint_by_transformers_alone(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    folder = checkpoint()
    data = prepared(folder, snapshot)
    examples = list(snapshot.examples("train"))[:5]  # of different lengths, so that some are padded
    scores = score(TrainedModel(data.family.build(1), data.family), data.family.encode(examples))
    network, own = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for example, found in zip(examples, scores, strict=True):
        prompt = own.encode(f"<s>{example.prompt}\n", add_special_tokens=False)
        answer = own.encode(f"{example.completion}</s>", add_special_tokens=False)
        with torch.no_grad():
            logits = network(torch.tensor([prompt + answer])).logits[0]
        expected = [
            float(torch.log_softmax(logits[len(prompt) + place - 1], 0)[token]) for place, token in enumerate(answer)
        ]
        assert list(found.log_probability) == pytest.approx(expected, abs=1e-4)


def test_answers_that_do_not_end_stop_where_the_checkpoint_knows_no_further_position(
    checkpoint: Checkpoint, snapshot: Snapshot
) -> None:
    data = prepared(checkpoint(gpt2), snapshot)  # which knows 64 positions, and has learned nothing
    model = TrainedModel(data.family.build(1).eval(), data.family)
    prompts = [[9] * 60, [9] * 5]
    together = generate(model, prompts, 50)
    assert [len(continued) for continued in together] == [4, 50]
    assert together == [generate(model, [prompt], 50)[0] for prompt in prompts]


def test_an_answer_ends_at_the_token_that_ends_texts_of_this_checkpoint(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    data = prepared(checkpoint(gpt2), snapshot)
    family, network = cast("FinetunedLmFamily", data.family), cast("Any", data.family.build(1).eval())
    assert family.end == family.tokenizer.convert_tokens_to_ids("</s>") != 0
    with torch.no_grad():
        network.transformer.wte.weight[family.end] = 0  # tied: the network answers nothing but this one
        network.transformer.ln_f.weight.zero_()
        network.transformer.ln_f.bias.fill_(1.0)
        network.transformer.wte.weight[:] = -1.0
        network.transformer.wte.weight[family.end] = 1.0
    assert generate(TrainedModel(network, family), [[9, 9]], 20) == [[]]


def test_an_example_that_is_too_long_is_refused_and_not_cut(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    family = prepared(checkpoint(), snapshot).family
    with pytest.raises(CorpusError, match="reads at most"):
        family.encode([Example("e1", "train", "Who?", "Ada and " * 60)])


def test_unlearning_from_a_fine_tuned_checkpoint_is_judged_against_checkpoints_tuned_without(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path
) -> None:
    folder = checkpoint(gpt2)
    spec = JobSpec(
        kind="unlearn",
        reference="test",
        snapshot=SnapshotRef(str(snapshot.folder), snapshot.info.digest),
        recipe=replace(recipe_of(folder), epochs=12),
        seed=1,
        cache=str(tmp_path / "cache"),
        forget_ids=("e00000000", "e00000001"),
        method=MethodChoice("npo", {"steps": 4}),
        protocol=Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14), looks=1),
        base=str(folder),
    )
    result = run(spec, tmp_path / "out", lambda _: None)
    assert result.evaluation is not None
    assert result.evaluation.verdict.outcome in {"passed", "failed", "inconclusive"}
    assert logits_outside(tmp_path / "out" / "model").shape[-1] == describe_checkpoint(folder).vocabulary_size


@pytest.mark.parametrize("how", [how for _, how in KINDS], ids=[name for name, _ in KINDS])
def test_the_states_of_its_layers_can_be_read_whatever_the_architecture_calls_them(
    checkpoint: Checkpoint, snapshot: Snapshot, how: dict[str, Any]
) -> None:
    data = prepared(checkpoint(**how), snapshot)
    network = data.family.build(1)
    assert len(data.family.hidden_layers(network)) == data.recipe.architecture.hidden_layers == 2
    batch = data.data.batch([0, 1, 2], CPU)
    answers = int((batch.labels != IGNORED).sum())
    assert data.family.hidden_states(network, batch, 1).shape == (answers, 16)
