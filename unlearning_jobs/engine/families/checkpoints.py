"""Checkpoints that somebody else made, and those of causal language models: folders as transformers writes them.

They come from anywhere, so nothing of them is run: weights only as safetensors, and never code of their own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.contracts import CHAT, Adapter, CheckpointArchitecture, FromCheckpoint
from unlearning_jobs.engine.errors import CheckpointError, SpecError, explained

from .adapters import CONFIG as ADAPTER_CONFIG
from .adapters import check_adapter, sized
from .checkpoint_folders import check_weights, folder_problem, in_words, refused
from .prompts import begins_texts, chat_frame

# Standard output and error belong to the command, and names in files of others may steer a terminal.
cast("Any", disable_progress_bar)()
cast("Any", set_verbosity_error)()
DROPOUT: Final = ("dropout", "pdrop", "drop", "dropout_rate", "dropout_prob")
"""How settings of a configuration end that switch units off at random while a network is trained."""
MODELS: Final = cast("Any", AutoModelForCausalLM)
"""Without the types that transformers gives it, which leave out what it returns on request."""
LOADING: Final[Mapping[str, Any]] = {"use_safetensors": True, "output_loading_info": True, "ignore_mismatched_sizes": True}
"""Says what does not fit instead of raising; then nothing of it is used."""
MOST_NAMED: Final = 5
"""How many tensors an error names."""
BOTH_WAYS: Final = (
    "it is no language model that writes texts: what it says of a token depends on those behind it. Classifiers can start"
    " from an encoder, by a recipe of the family finetuned_classifier"
)
SETTINGS: Final[Mapping[str, Any]] = {"local_files_only": True, "trust_remote_code": False}


def describe_checkpoint(
    folder: Path, *, max_length: int = 0, template: str = "", adapter: Adapter | None = None
) -> CheckpointArchitecture:
    """Return what a recipe says about the checkpoint in the folder.

    Args:
        folder: the checkpoint.
        max_length: longest sequence in tokens; by default 256, or what the checkpoint reads, if that is less.
        template: what stands before an answer; by default the tokenizer's own for conversations, if it has one.
        adapter: the adapter that is to learn instead of the checkpoint's own weights. How many parameters it has is found
            here.

    Raises:
        CheckpointError: the folder holds no checkpoint that can be read, or none that has the layers for the adapter.
        SpecError: what is asked for does not fit the checkpoint, or its tokenizer does not.
    """
    config, tokenizer = read_config(folder), read_tokenizer(folder)
    if reads_both_ways(config):
        raise refused(folder, BOTH_WAYS)
    # every tensor is looked for and compared, and none is read
    network = whole(folder, load_network(folder, config, MODELS, device_map="meta"))
    defaults = CheckpointArchitecture("", 1, 1, 1, 1)
    with in_words(folder, "its configuration does not say its size"):
        shape = cast("Any", config.get_text_config())
        described = CheckpointArchitecture(
            base_sha256=checkpoint_digest(folder),
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            hidden_size=shape.hidden_size,
            layers=shape.num_hidden_layers,
            vocabulary_size=shape.vocab_size,
            max_length=max_length or min(256, longest_read(config)),
            template=template or (CHAT if tokenizer.chat_template else defaults.template),
            begins=begins_texts(tokenizer),
            adapter=adapter and sized(adapter, network),
        )
    check_fits(described, config, tokenizer)
    return described


def read_config(folder: Path) -> PretrainedConfig:
    """Return the configuration of a checkpoint whose folder is complete, and whose weights can be read safely.

    Raises:
        CheckpointError: it is not; the message says what is missing or in the way.
    """
    if (folder / ADAPTER_CONFIG).exists():
        raise refused(folder, "it is an adapter, and models start from its base; name that, and the adapter beside it")
    if not (folder / "config.json").is_file():
        raise refused(folder, "it has no config.json")
    try:
        stored = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        raise refused(folder, "its config.json cannot be read") from None
    if problem := folder_problem(folder, stored):
        raise refused(folder, problem)
    with in_words(folder, "transformers does not know its architecture, or its configuration is none of that"):
        return cast("PretrainedConfig", AutoConfig.from_pretrained(folder, **SETTINGS))


def read_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a checkpoint.

    Raises:
        CheckpointError: it has none, or none that keeps control tokens apart from texts that spell them out.
    """
    with in_words(folder, "its tokenizer cannot be read"):
        tokenizer = AutoTokenizer.from_pretrained(folder, **SETTINGS)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise refused(folder, "its tokenizer has no tokenizer.json; save it again with a fast tokenizer")
    return tokenizer


def empty_network(config: PretrainedConfig) -> nn.Module:
    """Return the network without numbers in it, which takes no memory.

    Raises:
        SpecError: there is no causal language model of this configuration.
    """
    try:
        with torch.device("meta"):
            return cast("nn.Module", MODELS.from_config(config))
    except Exception as error:
        if explained(error):
            raise
        message = f"There is no causal language model of the kind {config.model_type} ({type(error).__name__})."
        raise SpecError(message) from None


def read_network(folder: Path, config: PretrainedConfig, models: Any = MODELS) -> nn.Module:
    """Return the network with its weights, in float32, on the CPU; `models` is the class of transformers that reads it.

    Raises:
        CheckpointError: tensors are missing, of no use, or of another shape; they are named.
    """
    return whole(folder, load_network(folder, config, models, dtype=torch.float32))


def whole(folder: Path, found: Loaded) -> nn.Module:
    """Return the network, if all of its tensors were there, and no others.

    Raises:
        CheckpointError: they were not; they are named.
    """
    require_none(folder, found.missing | found.unexpected | found.mismatched)
    return found.network


@dataclass(frozen=True)
class Loaded:
    """A network, and the names of the tensors that did not go into it."""

    network: nn.Module
    missing: frozenset[str]
    unexpected: frozenset[str]
    mismatched: frozenset[str]
    """Those of another shape than the network's."""


def load_network(folder: Path, config: PretrainedConfig, models: Any, **how: object) -> Loaded:
    """Read the network as far as its tensors are there and fit; see `read_network`. `how` says where and how precisely.

    Raises:
        CheckpointError: a file of weights cannot be read, or holds whole numbers; or the configuration makes no network.
    """
    check_weights(folder)
    with in_words(folder, "its weights cannot be read, or its configuration makes no network"):
        network, found = models.from_pretrained(folder, config=config, **how, **LOADING, **SETTINGS)
    mismatched = frozenset(key[0] for key in found["mismatched_keys"])
    return Loaded(network, frozenset(found["missing_keys"]), frozenset(found["unexpected_keys"]), mismatched)


def require_none(folder: Path, wrong: Collection[str]) -> None:
    """Check that no tensors are wrong.

    Raises:
        CheckpointError: some are; they are named.
    """
    if wrong:
        named = ", ".join(sorted(wrong)[:MOST_NAMED])
        raise refused(folder, f"{len(wrong)} tensors are missing, of no use or of another shape ({named})")


def without_dropout(config: PretrainedConfig) -> PretrainedConfig:
    """Return the configuration of a network that answers in training as it does otherwise: the seed alone decides it."""
    changed = {name: 0.0 for name, value in config.to_dict().items() if name.endswith(DROPOUT) and isinstance(value, float)}
    return type(config).from_dict(config.to_dict() | changed)


def longest_read(config: PretrainedConfig) -> int:
    """Return how many positions a network knows; very many if its configuration sets no bound."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", 0) or 1 << 30)


def reads_both_ways(config: PretrainedConfig) -> bool:
    """Say whether a network sees the tokens behind each token as well, as encoders do, and so cannot write a text.

    Some encoders can be read as language models too. They are such only if their configuration says so.
    """
    kind = config.model_type
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)


def check_named(folder: Path, architecture: FromCheckpoint) -> None:
    """Check that the checkpoint in a folder is the one that a recipe names.

    Raises:
        CheckpointError: it is another, or cannot be read.
    """
    try:
        differs = checkpoint_digest(folder) != architecture.base_sha256
    except OSError as error:
        message = f"The checkpoint in {folder.name} cannot be read: {error.strerror}."
        raise CheckpointError(message) from None
    if differs:
        message = f"The checkpoint in {folder.name} is not the one that the recipe names: its digest differs."
        raise CheckpointError(message)


def check_size(
    architecture: FromCheckpoint, config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast, longest: int
) -> None:
    """Check that a checkpoint, which reads texts of `longest` tokens, has the size that a recipe says, and this tokenizer.

    Raises:
        SpecError: it does not.
    """
    shape = cast("Any", config.get_text_config())
    said = {
        "hidden_size": architecture.hidden_size,
        "num_hidden_layers": architecture.layers,
        "vocab_size": architecture.vocabulary_size,
    }
    if differs := [name for name, value in said.items() if getattr(shape, name) != value]:
        message = f"The checkpoint has another {', '.join(differs)} than the recipe says; describe it again."
        raise SpecError(message)
    if architecture.max_length > longest:
        message = f"The recipe reads {architecture.max_length} tokens, and the checkpoint {longest}; lower max_length."
        raise SpecError(message)
    if len(tokenizer) > shape.vocab_size:
        message = (
            f"The tokenizer has {len(tokenizer)} tokens, and the checkpoint knows {shape.vocab_size}: it is another"
            " checkpoint's tokenizer."
        )
        raise SpecError(message)


def check_fits(architecture: CheckpointArchitecture, config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
    """Check that a recipe, the checkpoint of a language model and its tokenizer go together.

    Raises:
        SpecError: they do not.
    """
    if reads_both_ways(config):
        message = f"The checkpoint cannot be used: {BOTH_WAYS}."
        raise SpecError(message)
    check_size(architecture, config, tokenizer, longest_read(config))
    if tokenizer.eos_token_id is None:
        message = "The tokenizer names no token that ends a text, so no answer would ever end; set its eos_token."
        raise SpecError(message)
    if architecture.template == CHAT:
        chat_frame(tokenizer)
    if architecture.adapter is not None:
        check_adapter(architecture.adapter, empty_network(config))
