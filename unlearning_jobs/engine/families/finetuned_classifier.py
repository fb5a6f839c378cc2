"""Classifiers of texts that are fine-tuned from the checkpoint of an encoder, of any architecture that transformers reads.

All weights learn. The oracle of such a model is the checkpoint fine-tuned without the forget set. What the checkpoint itself
has learned before, it keeps: nothing here shows that it does not know the examples already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, PretrainedConfig, PreTrainedTokenizerFast

from unlearning_jobs.engine.contracts import EncoderArchitecture, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import SpecError

from .aggregation import ShardEnsemble
from .checkpoints import check_named, read_config, read_tokenizer, without_dropout
from .classes import ClassFamily
from .encoders import (
    CLASSIFIERS,
    check_encoder,
    check_padding,
    empty_classifier,
    logits_of,
    new_classifier,
    with_classes,
)
from .family import Batch, Footprint, Predictions, output_of
from .foreign_models import read_foreign_encoder
from .labelled_texts import LabelledTexts, check_labelled_text, class_of
from .language import training_numbers
from .tokens import check_length
from .weights import own_tensors

ACTIVATIONS_PER_LAYER: Final = 34
"""Numbers kept for the backward pass, in units of tokens x hidden size; an estimate that covers wide MLPs."""
NO_TOKEN: Final = -1
"""Fills batches up; it is no token, so that no text can hold it."""


@dataclass(frozen=True)
class FinetunedClassifierFamily(ClassFamily):
    """Classifiers of texts from the checkpoint of an encoder. The snapshot says the classes."""

    folder: Path = field(compare=False)
    """Where the checkpoint lies. A model that is read without it has its own folder, which is none to start from."""
    config: PretrainedConfig = field(compare=False, repr=False)
    """The checkpoint's; or that of a model that is read, whose classes are its own."""
    tokenizer: PreTrainedTokenizerFast = field(compare=False, repr=False)
    architecture: EncoderArchitecture
    labels: tuple[str, ...]

    name: ClassVar[str] = "finetuned_classifier"

    @classmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> FinetunedClassifierFamily:  # noqa: ARG003  # it needs a base
        message = "A finetuned_classifier starts from a checkpoint; name it as the job's base."
        raise SpecError(message)

    @classmethod
    def from_base(cls, recipe: Recipe, snapshot: Snapshot, base: Path) -> FinetunedClassifierFamily:
        check_labelled_text(snapshot.info, cls.name)
        architecture = cast("EncoderArchitecture", recipe.architecture)
        check_named(base, architecture)
        config, tokenizer = read_config(base), read_tokenizer(base)
        check_encoder(base, architecture, config, tokenizer)
        return cls(base, config, tokenizer, architecture, snapshot.info.labels)

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Take the parameters from the recipe, and add a layer to the classes; activations are those of full sequences."""
        check_labelled_text(info, cls.name)
        a = cast("EncoderArchitecture", recipe.architecture)
        per_layer = ACTIVATIONS_PER_LAYER * a.hidden_size
        activations = training_numbers(recipe, a.max_length, 0, layers=a.layers, per_layer=per_layer, hidden=a.hidden_size)
        return Footprint(a.parameters + (a.hidden_size + 1) * len(info.labels), activations)

    @property
    def base(self) -> Path:
        return self.folder

    @property
    def filling(self) -> int:
        """The token in the place of what fills a batch up. Nothing attends to it."""
        return int(cast("Any", self.config).pad_token_id or 0)

    def network(self) -> nn.Module:
        return cast("nn.Module", CLASSIFIERS.from_config(self._classifier(), dtype=torch.float32))

    def skeleton(self) -> nn.Module:
        return empty_classifier(self._classifier())

    def _classifier(self) -> PretrainedConfig:
        return without_dropout(with_classes(self.config, self.labels))

    def build(self, seed: int) -> nn.Module:
        """Return the checkpoint's network. The seed decides only what the checkpoint does not have of the head.

        Raises:
            CheckpointError: it is not the one that the recipe names, or no longer, or its tensors are not those of an
                encoder with its head; or what it says of a text depends on the others of a batch.
        """
        network = new_classifier(self.folder, read_config(self.folder), self.labels, seed)
        check_named(self.folder, self.architecture)
        check_padding(self.folder, network, self._tokens("a")[: max(1, self.architecture.max_length // 2)], self.filling)
        return network

    def read_foreign(self, folder: Path) -> nn.Module:
        return read_foreign_encoder(folder, self.architecture, self.config, self.tokenizer, self.labels)

    def encode(self, examples: Iterable[Example]) -> LabelledTexts:
        """Encode each text as the checkpoint's tokenizer does, with the control tokens that it puts around texts.

        A text that spells a control token out holds its letters.

        Raises:
            CorpusError: an example has no text beside its label, an unknown label, or more tokens than the model reads.
        """
        numbers, ids, labels = self.numbers(), [], []
        for example in examples:
            labels.append(class_of(example, numbers))
            tokens = self._tokens(example.prompt)
            check_length(example, len(tokens), self.architecture.max_length)
            ids.append(tokens)
        return LabelledTexts(tuple(ids), torch.tensor(labels, dtype=torch.int64), NO_TOKEN)

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(cast("list[int]", self.tokenizer(text, split_special_tokens=True)["input_ids"]))

    def predict(self, network: nn.Module, batch: Batch) -> Predictions:
        example_index = torch.arange(len(batch.labels), device=batch.labels.device)  # one answer each
        return Predictions(self._logits(network, batch), batch.labels, example_index)

    def _logits(self, network: nn.Module, batch: Batch) -> Tensor:
        if isinstance(network, ShardEnsemble):
            return network.together(logits_of(shard, batch.inputs, self.filling) for shard in network.shards)
        return logits_of(network, batch.inputs, self.filling)

    def hidden_layers(self, network: nn.Module) -> Sequence[nn.Module]:
        """Find the list of layers, which architectures call by different names. Shards have no layers in common."""
        if isinstance(network, ShardEnsemble):
            return []
        lists = (module for module in network.modules() if isinstance(module, nn.ModuleList))
        return next((list(layers) for layers in lists if len(layers) == self.architecture.layers), [])

    def hidden_states(self, network: nn.Module, batch: Batch, number: int) -> Tensor:
        """Return the states of all tokens of the texts."""
        layer = self.hidden_layers(network)[number - 1]
        output = output_of(layer, lambda: self._logits(network, batch))  # (batch, longest, size)
        return output[batch.inputs != NO_TOKEN]

    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        return own_tensors(network)

    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:
        """Write what goes with the weights, so that transformers reads the folder as it is.

        It cannot read an ensemble of shards: there is no configuration, with which it would take the folder for one model.
        """
        config = with_classes(self.config, self.labels)
        kind = type(network.shards[0] if isinstance(network, ShardEnsemble) else network).__name__
        config = type(config).from_dict(config.to_dict() | {"dtype": "float32", "architectures": [kind]})
        self.tokenizer.save_pretrained(folder)
        about: dict[str, Any] = {"architecture": self.architecture.to_json(), "labels": list(self.labels)}
        if isinstance(network, ShardEnsemble):
            return about | {"config": config.to_dict()}
        config.save_pretrained(folder)
        return about

    @classmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[FinetunedClassifierFamily, nn.Module]:
        architecture = EncoderArchitecture.from_json(about["architecture"])
        config = AutoConfig.for_model(**about["config"]) if "config" in about else read_config(folder)
        tokenizer = read_tokenizer(folder)
        check_encoder(folder, architecture, config, tokenizer)
        family = cls(folder, config, tokenizer, architecture, tuple(about["labels"]))
        return family, family.network()

    @classmethod
    def read_on(cls, folder: Path, about: Mapping[str, Any], base: Path) -> tuple[FinetunedClassifierFamily, nn.Module]:
        """Read the folder, and keep what the model can be built from again."""
        family, network = cls.read(folder, about)
        return replace(family, folder=base), network
