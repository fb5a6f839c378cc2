"""Models that somebody else trained from a checkpoint: read as checkpoints are, and held against the one they came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from torch import nn
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from unlearning_jobs.engine.contracts import CHAT, CheckpointArchitecture
from unlearning_jobs.engine.errors import SpecError

from .checkpoints import DROPOUT, check_fits, read_config, read_network, read_tokenizer, without_dropout

NEVER_MATTER: Final = frozenset(
    {
        *("dtype", "torch_dtype", "_name_or_path", "transformers_version", "architectures", "use_cache"),
        *("bos_token_id", "eos_token_id", "pad_token_id"),
    }
)
"""Settings of a configuration that change no logits; control tokens are those of the tokenizer."""
OF_THE_TOKENIZER: Final = ("model", "added_tokens", "normalizer", "pre_tokenizer", "decoder")
"""What decides how a tokenizer reads letters."""
CODE: Final = "bad_artefact"


def read_foreign_model(
    folder: Path, architecture: CheckpointArchitecture, config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast
) -> nn.Module:
    """Return the network of a model that was trained elsewhere from this checkpoint, in float32, on the CPU.

    Args:
        folder: the model, as transformers wrote it.
        architecture: what the recipe says of the checkpoint.
        config: the checkpoint's configuration.
        tokenizer: the checkpoint's tokenizer.

    Raises:
        SpecError: it cannot be read safely, or cannot have come from this checkpoint by this recipe.
    """
    try:
        own, own_tokenizer = read_config(folder), read_tokenizer(folder)
        check_fits(architecture, own, own_tokenizer)
        network = read_network(folder, without_dropout(config))
    except SpecError as error:  # what reads checkpoints says so; here the checkpoint is fine, and the model is not
        raise SpecError(str(error).replace("The checkpoint in", "The model in", 1), code=CODE) from None
    if problem := next(_differences(architecture, own, own_tokenizer, config, tokenizer), ""):
        message = f"The model in {folder.name} does not fit its recipe: {problem}."
        raise SpecError(message, code=CODE)
    return network


def _differences(
    architecture: CheckpointArchitecture,
    own: PretrainedConfig,
    own_tokenizer: PreTrainedTokenizerFast,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerFast,
) -> Iterator[str]:
    if differs := sorted(_settings(own).items() ^ _settings(config).items()):
        named = ", ".join(dict.fromkeys(name for name, _value in differs))
        yield f"its configuration differs from its checkpoint's ({named[:200]})"
    if _letters(own_tokenizer) != _letters(tokenizer):
        yield "its tokenizer is another than its checkpoint's"
    control = ("bos_token", "eos_token", *(("chat_template",) if architecture.template == CHAT else ()))
    if differs := [name for name in control if getattr(own_tokenizer, name) != getattr(tokenizer, name)]:
        yield f"its tokenizer has another {', '.join(map(str, differs))} than its checkpoint's"


def _settings(config: PretrainedConfig) -> dict[str, str]:
    stored: Mapping[str, Any] = config.to_dict()
    matter = {name for name in stored if name not in NEVER_MATTER and not name.endswith(DROPOUT)}
    return {name: json.dumps(stored[name], sort_keys=True, default=str) for name in matter}


def _letters(tokenizer: PreTrainedTokenizerFast) -> list[Any]:
    described = json.loads(cast("Any", tokenizer).backend_tokenizer.to_str())
    return [described.get(name) for name in OF_THE_TOKENIZER]
