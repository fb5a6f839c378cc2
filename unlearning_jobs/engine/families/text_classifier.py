"""Hugging Face sequence classifiers: BERT-architecture encoders of text (Devlin et al. 2019, arXiv 1810.04805).

BERT and not one of its successors, because Opacus knows all of its layers (linear, embedding, layer normalisation with a
bias), so that the same network can be trained privately, and because every version of transformers reads it. Dropout is 0,
so that the seed alone decides a training, and a model answers in training as it does in evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.contracts import BertArchitecture, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot, SnapshotInfo

from .classes import ClassFamily
from .family import Batch, Footprint, output_of
from .labelled_texts import LabelledTexts, check_labelled_text, class_of
from .tokens import BYTES, END, END_ID, check_length, train_tokenizer

PADDING = "<|padding|>"
PADDING_ID = 1
SPECIAL_TOKENS = (END, PADDING)
ACTIVATIONS_PER_LAYER = 12
"""Numbers kept for the backward pass (attention, residuals, norms), in units of tokens x hidden size; an estimate."""

PUBLISHED_SPREAD, PUBLISHED_WIDTH = 0.02, 768
"""Standard deviation of BERT's initial weights, and its hidden size. With weights as small as these, a narrow network passes
hardly anything on at first. Keeping spread x sqrt(width) constant lets it learn from the first epoch."""


class Encoder(BertForSequenceClassification):  # type: ignore[no-untyped-call]  # of transformers, on being subclassed
    """Maps padded token ids (batch, longest) to logits (batch, classes). Its weights are named as in transformers."""

    def forward(self, inputs: Tensor) -> Tensor:
        # one row of positions per example, since Opacus separates the gradients of examples by the first dimension
        positions = torch.arange(inputs.shape[1], device=inputs.device).expand_as(inputs)
        mask = (inputs != PADDING_ID).long()
        output = super().forward(
            input_ids=inputs, attention_mask=mask, position_ids=positions, token_type_ids=torch.zeros_like(inputs)
        )
        return cast("Tensor", output.logits)


@dataclass(frozen=True)
class TextClassifierFamily(ClassFamily):
    """Encoders that classify a text by their output at its first token, end-of-text. The snapshot says the classes."""

    tokenizer: Tokenizer
    architecture: BertArchitecture
    labels: tuple[str, ...]

    name: ClassVar[str] = "text_classifier"

    @classmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> TextClassifierFamily:
        check_labelled_text(snapshot.info, cls.name)
        tokenizer = train_tokenizer(
            snapshot, recipe.vocabulary_size, special_tokens=SPECIAL_TOKENS, read=lambda example: example.prompt
        )
        return cls(tokenizer, cast("BertArchitecture", recipe.architecture), snapshot.info.labels)

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Count embeddings, four attention and two MLP matrices per layer with biases and norms, the pooler and the classes.

        Activations are those of full sequences, attention scores included. The vocabulary is counted at the size that the
        recipe asks for, although a small corpus gets a smaller one.
        """
        check_labelled_text(info, cls.name)
        a = cast("BertArchitecture", recipe.architecture)
        h, m, vocabulary = a.hidden_size, a.intermediate_size, max(recipe.vocabulary_size, BYTES + len(SPECIAL_TOKENS))
        embeddings = (vocabulary + a.max_length + 2) * h + 2 * h
        per_layer = 4 * (h * h + h) + (h * m + m) + (m * h + h) + 4 * h
        per_token = a.layers * (ACTIVATIONS_PER_LAYER * h + 2 * m + 2 * a.heads * a.max_length) + 3 * h
        return Footprint(
            parameters=embeddings + a.layers * per_layer + (h * h + h) + (h + 1) * len(info.labels),
            activations=recipe.at_once * a.max_length * per_token,
        )

    def network(self) -> Encoder:
        return Encoder(self.config())

    def config(self) -> BertConfig:
        """The configuration from which transformers makes the same network."""
        a = self.architecture
        return BertConfig(
            vocab_size=self.tokenizer.get_vocab_size(),
            hidden_size=a.hidden_size,
            num_hidden_layers=a.layers,
            num_attention_heads=a.heads,
            intermediate_size=a.intermediate_size,
            max_position_embeddings=a.max_length,
            type_vocab_size=2,
            initializer_range=PUBLISHED_SPREAD * math.sqrt(PUBLISHED_WIDTH / a.hidden_size),
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=PADDING_ID,
            id2label=dict(enumerate(self.labels)),
            label2id=dict(self.numbers()),
        )

    def encode(self, examples: Iterable[Example]) -> LabelledTexts:
        """Encode each text between two end-of-text tokens.

        Raises:
            CorpusError: an example has no text beside its label, an unknown label, or more tokens than the model reads.
        """
        numbers, ids, labels = self.numbers(), [], []
        self.tokenizer.encode_special_tokens = True  # a text may spell one out; JSON does not keep this setting
        for example in examples:
            labels.append(class_of(example, numbers))
            tokens = (END_ID, *self.tokenizer.encode(example.prompt, add_special_tokens=False).ids, END_ID)
            check_length(example, len(tokens), self.architecture.max_length)
            ids.append(tokens)
        return LabelledTexts(tuple(ids), torch.tensor(labels, dtype=torch.int64), PADDING_ID)

    def hidden_layers(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return the layers of an encoder. The shards of an ensemble have no layers in common."""
        return list(network.bert.encoder.layer) if isinstance(network, Encoder) else ()

    def hidden_states(self, network: nn.Module, batch: Batch, number: int) -> Tensor:
        """Return the states of all tokens of the texts."""
        layer = self.hidden_layers(network)[number - 1]
        output = output_of(layer, lambda: network(batch.inputs))  # (batch, longest, size)
        return output[batch.inputs != PADDING_ID]

    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:
        """Write a folder that transformers can read as it is. It cannot read an ensemble of shards, which gets no config."""
        (folder / "tokenizer.json").write_text(self._tokenizer_for_others().to_str(), encoding="utf-8")
        if isinstance(network, Encoder):
            config = self.config().to_diff_dict() | {"architectures": ["BertForSequenceClassification"], "dtype": "float32"}
            (folder / "config.json").write_bytes(canonical_json(config))
            (folder / "tokenizer_config.json").write_bytes(canonical_json(self._tokenizer_config()))
        return {"architecture": self.architecture.to_json(), "labels": list(self.labels)}

    @classmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[TextClassifierFamily, nn.Module]:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        family = cls(tokenizer, BertArchitecture.from_json(about["architecture"]), tuple(about["labels"]))
        return family, family.network()

    def _tokenizer_for_others(self) -> Tokenizer:
        """Return the tokenizer with a post-processor that puts end-of-text on both sides."""
        tokenizer = Tokenizer.from_str(self.tokenizer.to_str())
        template = TemplateProcessing(single=f"{END} $A {END}", special_tokens=[(END, END_ID)])
        tokenizer.post_processor = template
        return tokenizer

    def _tokenizer_config(self) -> dict[str, Any]:
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": self.architecture.max_length,
            "pad_token": PADDING,
            "cls_token": END,
            "sep_token": END,
        }
