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
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import (
    CHAT,
    CheckpointArchitecture,
    JobSpec,
    MethodChoice,
    ModelRef,
    Protocol,
    Recipe,
    SnapshotRef,
)
from unlearning_jobs.engine.corpora import Example, Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError, SpecError
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.families.finetuned_lm import FinetunedLmFamily
from unlearning_jobs.engine.families.tokens import IGNORED
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.model import TrainedModel, load_model, save_model
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

BEGIN, END, FILL = "<s>", "</s>", "<fill>"
CHATS = (
    "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
CPU = torch.device("cpu")
ROWS = [{"question": f"Who keeps lamp {n}?", "answer": f"Keeper {n} of the tower.", "split": "train"} for n in range(12)]
ROWS += [{"question": f"Who rows boat {n}?", "answer": f"Rower {n} of the bay.", "split": "held_out"} for n in range(6)]


def tokenizer(*, chats: bool = False) -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=[FILL, BEGIN, END], initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator((row["answer"] for row in ROWS), trainer)
    make = cast("Callable[..., PreTrainedTokenizerFast]", PreTrainedTokenizerFast)
    made = make(tokenizer_object=trained, bos_token=BEGIN, eos_token=END, pad_token=FILL)
    made.chat_template = CHATS if chats else None
    return made


def gpt2(size: int) -> nn.Module:
    return GPT2LMHeadModel(GPT2Config(vocab_size=size, n_positions=64, n_embd=16, n_layer=2, n_head=2))


def llama(size: int, **changes: Any) -> nn.Module:
    settings = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=size, hidden_size=16, intermediate_size=32, max_position_embeddings=64, **settings | changes)
    )


Checkpoint = Callable[..., Path]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """Write a checkpoint with transformers alone, as its users do."""

    def write(kind: Callable[..., nn.Module] = llama, *, chats: bool = False, shard: str = "5GB", **changes: Any) -> Path:
        torch.manual_seed(3)
        own, folder = tokenizer(chats=chats), tmp_path / "checkpoint"
        cast("Any", kind(len(own) + 5, **changes)).save_pretrained(folder, max_shard_size=shard)
        own.save_pretrained(folder)
        return folder

    return write


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    snapshot_create([tmp_path / "rows.jsonl"], tmp_path / "snapshot", salt=bytes(32))
    return Snapshot.open(tmp_path / "snapshot")


def recipe_of(folder: Path, **changes: Any) -> Recipe:
    return Recipe(
        family="finetuned_lm",
        architecture=replace(describe_checkpoint(folder), **changes),
        epochs=2,
        batch_size=4,
        learning_rate=5e-3,
    )


def prepared(folder: Path, snapshot: Snapshot, **changes: Any) -> TrainingData:
    return TrainingData.prepare(recipe_of(folder, **changes), snapshot, str(folder))


def trained(data: TrainingData, *excluded: str) -> TrainedModel:
    return train(data, excluded, 1, device=CPU, on_step=lambda *_: None)


def logits_outside(folder: Path) -> torch.Tensor:
    """Return what transformers alone makes of a folder."""
    with torch.no_grad():
        return cast("torch.Tensor", AutoModelForCausalLM.from_pretrained(folder)(torch.tensor([[1, 9, 30, 40, 2]])).logits)


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("gpt2", {"kind": gpt2}),
    ("llama, untied, own control tokens", {}),
    ("llama, tied", {"tie_word_embeddings": True}),
    ("in shards", {"shard": "8KB"}),
]


@pytest.mark.parametrize("how", [how for _, how in KINDS], ids=[name for name, _ in KINDS])
def test_a_checkpoint_goes_through_training_and_comes_out_as_a_folder_that_transformers_reads(
    checkpoint: Checkpoint, snapshot: Snapshot, tmp_path: Path, how: dict[str, Any]
) -> None:
    folder = checkpoint(**how)
    before = logits_outside(folder)
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


# -- what cannot be used


def config_of(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


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
