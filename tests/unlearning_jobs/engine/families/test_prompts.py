"""What stands around a prompt: the token that begins texts, and templates for conversations, which may do anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import CheckpointError, CorpusError, SpecError
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.families.finetuned_lm import FinetunedLmFamily
from unlearning_jobs.engine.judging.folders import read_judged
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .foreign_checkpoints import Checkpoint, checkpoint, gpt2, prepared, snapshot
from .test_checkpoints import config_of

__all__ = ["checkpoint", "snapshot"]
"""Fixtures."""

ASKED = Example("e1", "train", "Who keeps lamp 1?", "Keeper 1.")


def with_template(folder: Path, template: str) -> Path:
    own = AutoTokenizer.from_pretrained(folder)
    own.chat_template = template
    own.save_pretrained(folder)
    return folder


def written(around: str, behind: str = "") -> str:
    return "{% for m in messages %}" + around + "{% endfor %}" + behind


@pytest.mark.parametrize("begins", [True, False])
def test_a_text_begins_as_the_tokenizer_begins_it(checkpoint: Checkpoint, snapshot: Snapshot, *, begins: bool) -> None:
    folder = checkpoint(gpt2, begins=begins)
    own, network = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    data = prepared(folder, snapshot)
    assert describe_checkpoint(folder).begins == begins
    model = TrainedModel(data.family.build(1), data.family)
    [asked, told] = score(model, data.family.encode([ASKED, Example("e2", "train", "", "Keeper 2 of the tower.")]))
    for found, text, count in ((asked, "Who keeps lamp 1?\nKeeper 1.</s>", None), (told, "Keeper 2 of the tower.</s>", 0)):
        ids = own(text)["input_ids"]  # as transformers' Trainer is given texts
        assert (ids[0] == own.bos_token_id) == begins
        with torch.no_grad():
            logits = network(torch.tensor([ids])).logits[0].log_softmax(-1)
        expected = [float(logits[place - 1, ids[place]]) for place in range(1, len(ids))]
        answers = len(found.log_probability)
        assert list(found.log_probability) == pytest.approx(expected[-answers:], abs=1e-4)
        assert count is None or answers == len(expected)


def test_a_recipe_from_before_it_said_so_begins_texts(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    family = cast("FinetunedLmFamily", prepared(checkpoint(begins=False), snapshot, begins=True).family)
    [encoded] = family.encode([ASKED]).encoded
    assert encoded.ids[0] == family.tokenizer.bos_token_id
    assert "begins" not in family.architecture.to_json()


def test_a_model_that_is_judged_is_read_as_its_recipe_says(checkpoint: Checkpoint) -> None:
    folder = checkpoint(begins=False)
    assert not cast("FinetunedLmFamily", read_judged(folder).family).architecture.begins


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("hello", "does not write what the user says"),
        (written("{{ m.content }}{{ m.content }}"), "does not write what the user says"),
        (written("{{ m.content | upper }}"), "does not write what the user says"),
        (written("{{ m.content | replace('?', '!') }}"), "does not write what the user says"),
        (written("{% if 'light' in m.content %}I refuse.{% endif %}{{ m.content }}"), "does not write what the user says"),
        (written("{{ raise_exception('no') }}"), "fails"),
        (written("{{ m.content"), "fails"),
    ],
)
def test_a_template_that_changes_what_the_user_says_is_refused(checkpoint: Checkpoint, template: str, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        describe_checkpoint(with_template(checkpoint(), template))


def test_a_prompt_that_a_template_treats_otherwise_is_refused_and_its_text_is_not_told(
    checkpoint: Checkpoint, snapshot: Snapshot
) -> None:
    template = written("{% if 'lamp' in m.content %}I refuse.{% endif %}<s>{{ m.content }}\n")
    family = prepared(with_template(checkpoint(), template), snapshot).family
    assert family.encode([Example("e2", "train", "Who rows?", "A rower.")])
    with pytest.raises(CorpusError, match="prompt of example e1 otherwise than other prompts") as refused:
        family.encode([ASKED])
    assert "lamp" not in str(refused.value)


def test_white_space_that_a_template_leaves_out_around_a_prompt_is_left_out(
    checkpoint: Checkpoint, snapshot: Snapshot
) -> None:
    folder = with_template(checkpoint(), written("<s>{{ m.content | trim }}\n"))
    family, own = prepared(folder, snapshot).family, AutoTokenizer.from_pretrained(folder)
    [encoded] = cast("FinetunedLmFamily", family).encode([Example("e1", "train", " Who? ", "Ada.")]).encoded
    asked: list[Any] = [{"role": "user", "content": " Who? "}]
    expected = own.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert own.decode(list(encoded.ids[: encoded.start])) == expected == "<s>Who?\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"num_attention_heads": 0},
        {"hidden_size": "16"},
        {"model_type": ["llama"]},
        {"rope_scaling": {"rope_type": "unheard of", "factor": 2}},
        {"vocab_size": None},
        {"num_hidden_layers": "two"},
        {"max_position_embeddings": {"a": 1}},
    ],
    ids=str,
)
def test_a_configuration_that_makes_no_sense_is_refused_in_words(checkpoint: Checkpoint, changes: dict[str, Any]) -> None:
    folder = checkpoint()
    config_of(folder, **changes)
    with pytest.raises(SpecError, match=rf"checkpoint in {folder.name} cannot be used"):
        describe_checkpoint(folder)


def as_whole_numbers(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor * 127).round().to(torch.int8)


def in_8_bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(torch.float8_e4m3fn)


@pytest.mark.parametrize("change", [as_whole_numbers, in_8_bits])
def test_weights_that_need_a_scale_are_quantised_whatever_the_configuration_says(
    checkpoint: Checkpoint, change: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    folder = checkpoint()
    weights = load_file(folder / "model.safetensors")
    save_file(
        weights | {"lm_head.weight": change(weights["lm_head.weight"])}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CheckpointError, match=r"its weights are quantised, and cannot be trained \(1, as lm_head.weight\)"):
        describe_checkpoint(folder)
