"""Checkpoints of encoders that somebody else made, and the classifiers of texts that start from them.

A classifier is an encoder with a head. The encoder is the checkpoint's. So is the head, as far as the checkpoint has one;
what it lacks, the seed decides. The last layer belongs to classes: it is taken over only if the checkpoint's classes have
the names of the corpus' labels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PretrainedConfig, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.contracts import EncoderArchitecture

from .checkpoint_folders import refused, tensor_names
from .checkpoints import (
    Loaded,
    check_size,
    load_network,
    longest_read,
    read_config,
    read_network,
    read_tokenizer,
    reads_both_ways,
    require_none,
    without_dropout,
)

CLASSIFIERS: Final = cast("Any", AutoModelForSequenceClassification)
"""Without the types that transformers gives it, which leave out what it returns on request."""
ROUNDED: Final = 1e-3
"""By how much of the largest logit rounding may change one."""
TINY: Final = 1e-6
PROBLEM: Final = "single_label_classification"
"""How transformers calls a problem in which every text has one class."""


def is_encoder(config: PretrainedConfig) -> bool:
    """Say whether classifiers of texts can start from a checkpoint with this configuration.

    Language models that write texts are none, though transformers can classify with some; nor is what has a decoder.
    """
    kind = config.model_type
    writes = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not reads_both_ways(config)
    return kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES and not writes and not config.is_encoder_decoder


def describe_encoder(folder: Path, *, max_length: int = 0) -> EncoderArchitecture:
    """Return what a recipe says about the checkpoint of an encoder; see `checkpoints.describe_checkpoint`.

    Raises:
        CheckpointError: the folder holds no such checkpoint that can be read.
        SpecError: what is asked for does not fit the checkpoint, or its tokenizer does not.
    """
    config, tokenizer = read_config(folder), read_tokenizer(folder)
    _require_encoder(folder, config)
    # every tensor is looked for and compared, and none is read
    _missing_heads(folder, load_network(folder, config, CLASSIFIERS, device_map="meta"), class_dimensions(config))
    shape = cast("Any", config)
    described = EncoderArchitecture(
        base_sha256=checkpoint_digest(folder),
        parameters=_parameters(config, 2) - 2 * (_parameters(config, 3) - _parameters(config, 2)),
        hidden_size=shape.hidden_size,
        layers=shape.num_hidden_layers,
        vocabulary_size=shape.vocab_size,
        max_length=max_length or min(256, longest_text(config)),
    )
    check_encoder(folder, described, config, tokenizer)
    return described


def _require_encoder(folder: Path, config: PretrainedConfig) -> None:
    if not is_encoder(config):
        raise refused(folder, f"no classifier of texts starts from a {config.model_type}, which is no encoder of texts")


def _parameters(config: PretrainedConfig, classes: int) -> int:
    return sum(parameter.numel() for parameter in empty_classifier(with_classes(config, [""] * classes)).parameters())


def check_encoder(
    folder: Path, architecture: EncoderArchitecture, config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Check that a recipe, the checkpoint of an encoder and its tokenizer go together.

    Raises:
        SpecError: they do not.
    """
    _require_encoder(folder, config)
    check_size(architecture, config, tokenizer, longest_text(config))


def longest_text(config: PretrainedConfig) -> int:
    """Return how many tokens a text may have. Some encoders keep the first positions for what fills a batch up."""
    kept = (
        module.padding_idx + 1
        for name, module in empty_classifier(config).named_modules()
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding) and module.padding_idx is not None
    )
    return longest_read(config) - max(kept, default=0)


def empty_classifier(config: PretrainedConfig) -> nn.Module:
    """Return the network without numbers in it, which takes no memory."""
    with torch.device("meta"):
        return cast("nn.Module", CLASSIFIERS.from_config(config))


def with_classes(config: PretrainedConfig, labels: Sequence[str]) -> PretrainedConfig:
    """Return the configuration of a classifier with these classes, each of which excludes the others."""
    classes = {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}
    return type(config).from_dict(config.to_dict() | classes | {"problem_type": PROBLEM})


def classes_of(config: PretrainedConfig) -> tuple[str, ...]:
    """Return the names of the classes that a configuration tells, in their order."""
    return tuple(str(name) for _number, name in sorted((config.id2label or {}).items()))


def new_classifier(folder: Path, config: PretrainedConfig, labels: Sequence[str], seed: int) -> nn.Module:
    """Return the network that a training with this seed starts from, in float32, on the CPU, without dropout.

    Args:
        folder: the checkpoint.
        config: its configuration.
        labels: the classes.
        seed: it decides what the checkpoint does not have of the head, and nothing else.

    Raises:
        CheckpointError: other tensors are missing, of no use, or of another shape; they are named.
    """
    own, wanted = classes_of(config), without_dropout(with_classes(config, labels))
    same = set(own) == set(labels)
    last = class_dimensions(config)
    stored = without_dropout(with_classes(config, own)) if same else wanted
    with torch.random.fork_rng(devices=[]):  # what is missing, transformers draws at once
        found = load_network(folder, stored, CLASSIFIERS, dtype=torch.float32)
    # 1. The encoder must be there, whole; other heads are of no use, and a head that is missing is new.
    network, new = found.network, _missing_heads(folder, found, last.keys())
    # 2. The last layer, in the order of the corpus' labels, or new.
    if same:
        reorder(network, last, own, labels)
        cast("Any", network).config = wanted
    else:
        new |= last.keys()
    if new:
        _renew(network, wanted, new, seed)
    return network


def _missing_heads(folder: Path, found: Loaded, last: Collection[str]) -> set[str]:
    """Return the tensors of the head that the checkpoint does not have, if all else is there and of use.

    `last` are those whose shapes the number of classes decides.

    Raises:
        CheckpointError: it is not; the tensors are named.
    """
    prefix = str(cast("Any", found.network).base_model_prefix)
    if not hasattr(found.network, prefix):
        raise refused(folder, "nobody knows which of its tensors are the encoder's")
    new = {name for name in found.missing if _is_head(name, prefix)}
    named = any(name.startswith(f"{prefix}.") for name in tensor_names(folder))  # or it is the encoder alone
    other_heads = {name for name in found.unexpected if _is_head(name if named else f"{prefix}.{name}", prefix)}
    require_none(folder, (found.missing - new) | (found.unexpected - other_heads) | (found.mismatched - set(last)))
    return new


def _is_head(name: str, prefix: str) -> bool:
    """Say whether a tensor is of a head: outside of the encoder, or of the layer that makes one state of a text."""
    return not name.startswith(f"{prefix}.") or name.removeprefix(f"{prefix}.").startswith("pooler.")


@torch.no_grad()
def _renew(network: nn.Module, config: PretrainedConfig, names: set[str], seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = cast("nn.Module", CLASSIFIERS.from_config(config, dtype=torch.float32)).state_dict()
    state = network.state_dict()
    for name in names:
        state[name].copy_(fresh[name])


def class_dimensions(config: PretrainedConfig) -> dict[str, int]:
    """Return the tensors whose shapes the number of classes decides, and which of their dimensions counts classes."""
    two, three = (
        {name: tensor.shape for name, tensor in empty_classifier(with_classes(config, [""] * classes)).state_dict().items()}
        for classes in (2, 3)
    )
    return {
        name: next(i for i, (a, b) in enumerate(zip(shape, three[name], strict=True)) if a != b)
        for name, shape in two.items()
        if shape != three[name]
    }


@torch.no_grad()
def reorder(network: nn.Module, last: Mapping[str, int], own: Sequence[str], labels: Sequence[str]) -> None:
    """Put the classes of a network, which are `own`, into the order of the labels, in place."""
    order, state = torch.tensor([list(own).index(label) for label in labels]), network.state_dict()
    for name, dimension in last.items():
        state[name].copy_(state[name].index_select(dimension, order))


def read_foreign_classifier(
    folder: Path, config: PretrainedConfig, own: PretrainedConfig, labels: Sequence[str]
) -> nn.Module:
    """Return the network of a classifier that was trained elsewhere, with the classes in the order of the labels.

    Args:
        folder: the model, as transformers wrote it.
        config: its checkpoint's configuration.
        own: its own.
        labels: the classes that the corpus has.

    Raises:
        CheckpointError: its classes are others, or tensors are missing, of no use or of another shape.
    """
    names = classes_of(own)
    if sorted(names) != sorted(labels):
        raise refused(folder, "its classes, which its id2label names, are not the labels of the corpus")
    if own.problem_type not in (None, PROBLEM):
        raise refused(folder, f"it was trained for another problem ({own.problem_type}) than one class for each text")
    network = read_network(folder, without_dropout(with_classes(config, names)), CLASSIFIERS)
    reorder(network, class_dimensions(config), names, labels)
    cast("Any", network).config = without_dropout(with_classes(config, labels))
    return network


def logits_of(network: nn.Module, ids: Tensor, filling: int) -> Tensor:
    """Return a network's logits (batch, classes) for token ids (batch, longest); the negative ones are no tokens.

    `filling` is the token in their place, which nothing attends to.
    """
    are_there = ids >= 0
    output = cast("Any", network)(input_ids=torch.where(are_there, ids, filling), attention_mask=are_there.long())
    return cast("Tensor", output.logits).float()


@torch.no_grad()
def check_padding(folder: Path, network: nn.Module, text: Sequence[int], filling: int) -> None:
    """Check that what a network says of a text does not depend on how far a batch is filled up behind it.

    Raises:
        CheckpointError: it does, or it does not say which tokens count.
    """
    alone = torch.tensor([text])  # (1, tokens)
    filled = torch.cat([alone, torch.full_like(alone, -1)], dim=1)
    network.eval()
    try:
        first, second = (logits_of(network, ids, filling) for ids in (alone, filled))
    except TypeError:
        same = False
    else:
        same = bool((first - second).abs().max() <= ROUNDED * first.abs().max() + TINY)
    if not same:
        raise refused(folder, "what it says of a text depends on the texts beside it, which fill up its batch")
