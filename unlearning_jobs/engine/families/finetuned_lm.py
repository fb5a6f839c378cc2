"""Causal language models that are fine-tuned from a checkpoint, of any architecture that transformers reads.

The oracle of such a model is the checkpoint fine-tuned without the forget set. What the checkpoint itself has learned
before, it keeps: nothing here shows that it does not know the examples already.

With an adapter, all weights of the checkpoint are frozen: what is trained and what unlearns is the adapter alone. Such a
model is saved twice, as an adapter and with it merged in; it is read from the adapter and its checkpoint, and what is merged
must follow from them. Several adapters that answer together, those of shards, are saved as adapters alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, cast

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from unlearning_jobs.engine.contracts import CHAT, CheckpointArchitecture, Recipe
from unlearning_jobs.engine.contracts.families import families_for
from unlearning_jobs.engine.contracts.sharding import Aggregation
from unlearning_jobs.engine.corpora import Example, Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import CorpusError, SpecError
from unlearning_jobs.engine.tensors import ADAPTER

from .adapters import TENSORS, add_adapter, is_merged, load_adapter, merge_in, merged, write_adapter
from .aggregation import LanguageEnsemble
from .checkpoints import MODELS, check_fits, check_named, read_config, read_network, read_tokenizer, without_dropout
from .family import Batch, Footprint, Predictions
from .foreign_adapters import read_declared_adapter
from .foreign_models import read_foreign_model
from .language import LanguageFamily, Sequences, scoring_numbers, training_numbers
from .prompts import Frame, chat_frame, said_in_chat
from .shard_adapters import (
    mean_adapter,
    predict_together,
    read_ensemble,
    several,
    shard_tensors,
    times,
    write_ensemble,
)
from .tokens import IGNORED, Encoded, check_length
from .weights import own_tensors

ACTIVATIONS_PER_LAYER: Final = 34
"""Numbers kept for the backward pass, in units of tokens x hidden size; an estimate that covers wide MLPs."""


@dataclass(frozen=True)
class FinetunedLmFamily(LanguageFamily):
    """Language models from a checkpoint. The answers of an example are the tokens of its completion, and the end of text."""

    folder: Path = field(compare=False)
    """Where the checkpoint lies. A model that is read without it has its own folder, which is none to start from."""
    config: PretrainedConfig = field(compare=False, repr=False)
    tokenizer: PreTrainedTokenizerFast = field(compare=False, repr=False)
    architecture: CheckpointArchitecture

    name: ClassVar[str] = "finetuned_lm"

    @classmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> FinetunedLmFamily:  # noqa: ARG003  # it needs a base
        message = "A finetuned_lm starts from a checkpoint; name it as the job's base."
        raise SpecError(message)

    @classmethod
    def from_base(cls, recipe: Recipe, snapshot: Snapshot, base: Path) -> FinetunedLmFamily:
        _check_text(snapshot.info)
        architecture = cast("CheckpointArchitecture", recipe.architecture)
        check_named(base, architecture)
        config, tokenizer = read_config(base), read_tokenizer(base)
        check_fits(architecture, config, tokenizer)
        return cls(base, config, tokenizer, architecture)

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Take the parameters from the recipe; activations are those of full sequences.

        An adapter leaves the checkpoint's own as they are, and the gradients pass through all layers even so.
        """
        _check_text(info)
        a = cast("CheckpointArchitecture", recipe.architecture)
        length, vocabulary = a.max_length, a.vocabulary_size
        per_layer = ACTIVATIONS_PER_LAYER * a.hidden_size
        activations = training_numbers(
            recipe, length, vocabulary, layers=a.layers, per_layer=per_layer, hidden=a.hidden_size
        )
        scoring = scoring_numbers(length, vocabulary)
        if a.adapter is None:
            return Footprint(a.parameters, activations, scoring)
        return Footprint(a.parameters + a.adapter.parameters, activations, scoring, frozen=a.parameters)

    @property
    def base(self) -> Path:
        return self.folder

    @property
    def adapts(self) -> bool:
        return self.architecture.adapter is not None

    def build(self, seed: int) -> nn.Module:
        """Return the checkpoint's network, which decides every weight but those of a new adapter.

        Raises:
            CheckpointError: it is not the one that the recipe names, or no longer.
        """
        network = read_network(self.folder, without_dropout(self.config))
        check_named(self.folder, self.architecture)
        if self.architecture.adapter is not None:
            add_adapter(network, self.architecture.adapter, seed)
        return network

    def joined(self, networks: Sequence[nn.Module], aggregation: Aggregation) -> tuple[FinetunedLmFamily, nn.Module]:
        """Merge adapters into one of a higher rank, or let them answer together."""
        if aggregation != "merge":
            return self, LanguageEnsemble(networks).eval()
        architecture = replace(self.architecture, adapter=times(self.architecture.adapter, len(networks)))
        return replace(self, architecture=architecture), mean_adapter(networks).eval()

    def read_foreign(self, folder: Path) -> nn.Module:
        if self.adapts:
            return read_declared_adapter(folder, self.folder, self.architecture)
        return read_foreign_model(folder, self.architecture, self.config, self.tokenizer)

    def encode(self, examples: Iterable[Example]) -> Sequences:
        """Encode each example: what begins a text, the prompt in its template, the answer, the end of text.

        A text that spells a control token out holds its letters.

        Raises:
            CorpusError: an example is longer than the model reads, and nothing is cut silently; or the template for
                conversations does something else with its prompt than with others.
        """
        return Sequences(tuple(map(self._encoded, examples)), padding=self.end)

    def _encoded(self, example: Example) -> Encoded:
        (first, last), said = self._frame, example.prompt
        if not said:
            first, last = self._begin, ""
        elif self.architecture.template == CHAT:
            said = said_in_chat(self.tokenizer, self._frame, example)
        prompt = [*self._control(first), *self._letters(said), *self._control(last)]
        ids = (*prompt, *self._letters(example.completion), self.end)
        check_length(example, len(ids), self.architecture.max_length)
        return Encoded(ids, len(prompt))

    @cached_property
    def _frame(self) -> Frame:
        """What stands before a prompt, and between it and the answer."""
        if self.architecture.template == CHAT:
            return chat_frame(self.tokenizer)
        first, _prompt, last = self.architecture.template.partition("{prompt}")
        return self._begin + first, last

    @property
    def _begin(self) -> str:
        return (self.tokenizer.bos_token or "") if self.architecture.begins else ""

    def _control(self, text: str) -> list[int]:
        return cast("list[int]", self.tokenizer.encode(text, add_special_tokens=False)) if text else []

    def _letters(self, text: str) -> list[int]:
        encoded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return cast("list[int]", encoded["input_ids"])

    @property
    def end(self) -> int:
        return cast("int", self.tokenizer.eos_token_id)

    @property
    def longest(self) -> int:
        return self.architecture.max_length

    @property
    def vocabulary(self) -> int:
        return self.architecture.vocabulary_size

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def predict(self, network: nn.Module, batch: Batch) -> Predictions:
        """Compute all logits: some architectures scale or bound them behind the last layer.

        Padding stands behind each text, where no earlier token sees it.
        """
        if isinstance(network, LanguageEnsemble):
            return predict_together([self.predict(shard, batch) for shard in network.shards])
        output = cast("Any", network)(input_ids=batch.inputs, use_cache=False)
        labels = batch.labels[:, 1:]  # each token is predicted from those before it
        has_label = labels != IGNORED
        logits = output.logits[:, :-1][has_label].float()  # (answers, vocabulary)
        return Predictions(logits, labels[has_label], has_label.nonzero()[:, 0])

    def hidden_layers(self, network: nn.Module) -> Sequence[nn.Module]:
        """Find the list of layers, which architectures call by different names. Shards have no layers in common."""
        if isinstance(network, LanguageEnsemble):
            return []
        lists = (module for module in network.modules() if isinstance(module, nn.ModuleList))
        return next((list(layers) for layers in lists if len(layers) == self.architecture.layers), [])

    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        """Return the whole network's, with its adapter merged in; of several adapters, these alone."""
        if isinstance(network, LanguageEnsemble):
            return shard_tensors(network)
        return dict(merged(network)) if self.adapts else own_tensors(network)

    def holds(self, network: nn.Module, file: Path) -> bool:
        if isinstance(network, LanguageEnsemble):
            return several(file) == several(shard_tensors(network))
        return is_merged(network, file)

    def merge_adapter(self, network: nn.Module) -> None:
        merge_in(network)

    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:
        """Write what goes with the weights, so that transformers reads the folder as it is, and in the precision it has.

        An adapter is written into a folder of its own, as peft reads it. Of several that answer together, each has one, and
        there is no configuration, with which transformers would take the folder for a whole model.
        """
        if isinstance(network, LanguageEnsemble):
            self.tokenizer.save_pretrained(folder)
            write_ensemble(network, self.architecture, folder)
            return {"architecture": self.architecture.to_json()}
        config = type(self.config).from_dict(self.config.to_dict() | {"dtype": "float32"})
        config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        if self.architecture.adapter is not None:
            write_adapter(network, self.architecture.adapter, self.architecture.base_sha256, folder / ADAPTER)
        return {"architecture": self.architecture.to_json()}

    @classmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[FinetunedLmFamily, nn.Module]:
        architecture = CheckpointArchitecture.from_json(about["architecture"])
        if architecture.adapter is not None:
            message = f"The model in {folder.name} is an adapter on a checkpoint, and is read with that; name its base."
            raise SpecError(message)
        config, tokenizer = read_config(folder), read_tokenizer(folder)
        check_fits(architecture, config, tokenizer)
        network = cast("nn.Module", MODELS.from_config(without_dropout(config), dtype=torch.float32))
        return cls(folder, config, tokenizer, architecture), network

    @classmethod
    def read_on(cls, folder: Path, about: Mapping[str, Any], base: Path) -> tuple[FinetunedLmFamily, nn.Module]:
        """Read an adapter and the checkpoint that it is on; without one, the folder, and what it can be built from again.

        Raises:
            SpecError: the checkpoint is another one than that of the model, or the adapter cannot be read.
        """
        architecture = CheckpointArchitecture.from_json(about["architecture"])
        if architecture.adapter is None:
            family, network = cls.read(folder, about)
            return replace(family, folder=base), network
        config, tokenizer = read_config(base), read_tokenizer(base)
        check_fits(architecture, config, tokenizer)
        family = cls(base, config, tokenizer, architecture)
        network = family.build(0)
        if ensemble := about.get("ensemble"):
            return family, read_ensemble(network, folder, int(ensemble["networks"]))
        load_adapter(network, folder / ADAPTER / TENSORS)
        return family, network


def _check_text(info: SnapshotInfo) -> None:
    if info.features is not None:
        message = (
            f"The corpus holds arrays, and a finetuned_lm reads text; use a recipe of the family {families_for('arrays')}."
        )
        raise CorpusError(message)
