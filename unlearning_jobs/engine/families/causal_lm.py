"""Llama-architecture causal language models, trained from scratch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.contracts import LlamaArchitecture, Recipe
from unlearning_jobs.engine.contracts.families import families_for
from unlearning_jobs.engine.corpora import Example, Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import CorpusError, SpecError

from .family import Batch, Footprint, Predictions
from .language import LanguageFamily, Sequences, scoring_numbers, training_numbers
from .tokens import END, END_ID, IGNORED, encode, train_tokenizer

ACTIVATIONS_PER_LAYER = 18
"""Numbers kept for the backward pass (norms, attention, residuals), in units of tokens x hidden size; an estimate."""
TIED = "lm_head.weight"
NAMES = frozenset({"architectures", "transformers_version", "_name_or_path", "torch_dtype", "dtype"})
"""What a configuration says that changes nothing a model computes."""


@dataclass(frozen=True)
class CausalLmFamily(LanguageFamily):
    """Language models. The answers of an example are the tokens of its completion, and end-of-text."""

    tokenizer: Tokenizer
    max_length: int
    architecture: LlamaArchitecture

    name: ClassVar[str] = "causal_lm"

    @classmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> CausalLmFamily:
        _check_text(snapshot.info)
        architecture = _architecture(recipe)
        return cls(train_tokenizer(snapshot, recipe.vocabulary_size), architecture.max_length, architecture)

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Count tied embeddings, four attention and three MLP matrices per layer, norms; activations of full sequences."""
        _check_text(info)
        a = _architecture(recipe)
        per_layer = 4 * a.hidden_size**2 + 3 * a.hidden_size * a.intermediate_size + 2 * a.hidden_size
        per_token = ACTIVATIONS_PER_LAYER * a.hidden_size + 4 * a.intermediate_size
        length, vocabulary = a.max_length, recipe.vocabulary_size
        return Footprint(
            parameters=recipe.vocabulary_size * a.hidden_size + a.layers * per_layer + a.hidden_size,
            activations=training_numbers(
                recipe, length, vocabulary, layers=a.layers, per_layer=per_token, hidden=a.hidden_size
            ),
            scoring=scoring_numbers(length, vocabulary),
        )

    def build(self, seed: int) -> LlamaForCausalLM:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return LlamaForCausalLM(_config(self.architecture, self.tokenizer.get_vocab_size()))

    def encode(self, examples: Iterable[Example]) -> Sequences:
        return Sequences(tuple(encode(self.tokenizer, e, self.max_length) for e in examples))

    def predict(self, network: nn.Module, batch: Batch) -> Predictions:
        """Compute logits only where there is a label: on small models, the vocabulary is a good part of the work."""
        llama = cast("LlamaForCausalLM", network)
        hidden = llama.model(input_ids=batch.inputs, use_cache=False).last_hidden_state[
            :, :-1
        ]  # (batch, longest - 1, hidden)
        labels = batch.labels[:, 1:]  # each token is predicted from those before it
        has_label = labels != IGNORED
        logits = llama.lm_head(hidden[has_label]).float()  # (answers, vocabulary)
        return Predictions(logits, labels[has_label], has_label.nonzero()[:, 0])

    def hidden_layers(self, network: nn.Module) -> Sequence[nn.Module]:
        return list(cast("LlamaForCausalLM", network).model.layers)

    @property
    def end(self) -> int:
        return END_ID

    @property
    def longest(self) -> int:
        return self.max_length

    @property
    def vocabulary(self) -> int:
        return self.tokenizer.get_vocab_size()

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids))

    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in network.state_dict().items() if name != TIED}

    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:
        """Write a folder that transformers can read as it is."""
        config = cast("LlamaForCausalLM", network).config.to_diff_dict()
        config |= {"architectures": ["LlamaForCausalLM"], "torch_dtype": "float32"}
        (folder / "config.json").write_bytes(canonical_json(config))
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), encoding="utf-8")
        (folder / "tokenizer_config.json").write_bytes(canonical_json(self._tokenizer_config()))
        return {"max_length": self.max_length}

    def _tokenizer_config(self) -> dict[str, Any]:
        """One token begins, ends and fills texts; whoever loads the tokenizer alone learns of it here."""
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": self.max_length,
            **dict.fromkeys(("bos_token", "eos_token", "pad_token"), END),
        }

    @classmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[CausalLmFamily, nn.Module]:
        """Read a folder that `save` wrote.

        Raises:
            SpecError: its configuration is none that a recipe makes; nothing is built.
        """
        stored = json.loads((folder / "config.json").read_bytes())
        if stored.get("model_type") != "llama":
            message = f"The model in {folder.name} is a {str(stored.get('model_type'))[:40]}, and a causal_lm is a llama."
            raise SpecError(message)
        config = LlamaConfig.from_dict(stored)
        architecture = LlamaArchitecture(
            hidden_size=config.hidden_size,
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            intermediate_size=config.intermediate_size,
            max_length=int(about["max_length"]),
        )
        made = _config(architecture, config.vocab_size).to_dict()
        differs = sorted(name for name, value in config.to_dict().items() if name not in NAMES and made.get(name) != value)
        if differs:
            message = (
                f"The model in {folder.name} was not made by a recipe: its configuration differs in {', '.join(differs)}."
            )
            raise SpecError(message)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return cls(tokenizer, architecture.max_length, architecture), LlamaForCausalLM(config)


def _config(a: LlamaArchitecture, vocabulary_size: int) -> LlamaConfig:
    if a.hidden_size % a.heads or (a.hidden_size // a.heads) % 2:
        message = f"hidden_size {a.hidden_size} must split into {a.heads} heads of an even size; change one of them."
        raise SpecError(message)
    return LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=a.hidden_size,
        num_hidden_layers=a.layers,
        num_attention_heads=a.heads,
        num_key_value_heads=a.heads,
        intermediate_size=a.intermediate_size,
        max_position_embeddings=a.max_length,
        tie_word_embeddings=True,
        bos_token_id=END_ID,
        eos_token_id=END_ID,
    )


def _architecture(recipe: Recipe) -> LlamaArchitecture:
    return cast("LlamaArchitecture", recipe.architecture)  # the recipe has checked it


def _check_text(info: SnapshotInfo) -> None:
    if info.features is not None:
        message = (
            f"The corpus holds arrays, and a causal_lm reads text; use a recipe of the family {families_for('arrays')}."
        )
        raise CorpusError(message)
