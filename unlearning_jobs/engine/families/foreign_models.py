"""Models that somebody else trained from a checkpoint: read as checkpoints are, and held against the one they came from."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final, cast

from torch import nn
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from unlearning_jobs.engine.contracts import CHAT, CheckpointArchitecture, EncoderArchitecture
from unlearning_jobs.engine.errors import SpecError

from .checkpoints import DROPOUT, check_fits, read_config, read_network, read_tokenizer, without_dropout
from .encoders import check_encoder, read_foreign_classifier

NEVER_MATTER: Final = frozenset(
    {
        *("dtype", "torch_dtype", "_name_or_path", "transformers_version", "architectures", "use_cache"),
        *("bos_token_id", "eos_token_id", "pad_token_id"),
    }
)
"""Settings of a configuration that change no logits; control tokens are those of the tokenizer."""
OF_THE_TOKENIZER: Final = ("model", "added_tokens", "normalizer", "pre_tokenizer", "decoder")
"""What decides how a tokenizer reads letters."""
OF_THE_CLASSES: Final = frozenset({"id2label", "label2id", "num_labels", "problem_type", "finetuning_task"})
"""Settings of a classifier's configuration that a checkpoint has none of its own of."""
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
    with _of_the_model():
        own, own_tokenizer = read_config(folder), read_tokenizer(folder)
        check_fits(architecture, own, own_tokenizer)
        network = read_network(folder, without_dropout(config))
    control = ("bos_token", "eos_token", *(("chat_template",) if architecture.template == CHAT else ()))
    _require_same(folder, _different_settings(own, config), _different_tokens(own_tokenizer, tokenizer, control))
    return network


def read_foreign_encoder(
    folder: Path,
    architecture: EncoderArchitecture,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerFast,
    labels: Sequence[str],
) -> nn.Module:
    """Return the network of a classifier of texts that was trained elsewhere; as `read_foreign_model`.

    Its classes are put into the order of the labels, which are those of the corpus.

    Raises:
        as there; SpecError also if its classes are others.
    """
    with _of_the_model():
        own, own_tokenizer = read_config(folder), read_tokenizer(folder)
        check_encoder(folder, architecture, own, own_tokenizer)
        network = read_foreign_classifier(folder, config, own, labels)
    different = _different_tokens(own_tokenizer, tokenizer, (), (*OF_THE_TOKENIZER, "post_processor"))
    _require_same(folder, _different_settings(own, config, OF_THE_CLASSES), different)
    return network


@contextmanager
def _of_the_model() -> Iterator[None]:
    """What reads checkpoints says so; here the checkpoint is fine, and the model is not."""
    try:
        yield
    except SpecError as error:
        raise SpecError(str(error).replace("The checkpoint in", "The model in", 1), code=CODE) from None


def _require_same(folder: Path, *differences: Iterator[str]) -> None:
    if problem := next(chain(*differences), ""):
        message = f"The model in {folder.name} does not fit its recipe: {problem}."
        raise SpecError(message, code=CODE)


def _different_settings(own: PretrainedConfig, config: PretrainedConfig, but: Collection[str] = ()) -> Iterator[str]:
    if differs := sorted({(k, v) for k, v in _settings(own).items() ^ _settings(config).items() if k not in but}):
        named = ", ".join(dict.fromkeys(name for name, _value in differs))
        yield f"its configuration differs from its checkpoint's ({named[:200]})"


def _different_tokens(
    own: PreTrainedTokenizerFast,
    other: PreTrainedTokenizerFast,
    control: Sequence[str],
    parts: Sequence[str] = OF_THE_TOKENIZER,
) -> Iterator[str]:
    if _letters(own, parts) != _letters(other, parts):
        yield "its tokenizer is another than its checkpoint's"
    if differs := [name for name in control if getattr(own, name) != getattr(other, name)]:
        yield f"its tokenizer has another {', '.join(differs)} than its checkpoint's"


def _settings(config: PretrainedConfig) -> dict[str, str]:
    stored: Mapping[str, Any] = config.to_dict()
    matter = {name for name in stored if name not in NEVER_MATTER and not name.endswith(DROPOUT)}
    return {name: json.dumps(stored[name], sort_keys=True, default=str) for name in matter}


def _letters(tokenizer: PreTrainedTokenizerFast, parts: Sequence[str]) -> list[Any]:
    described = json.loads(cast("Any", tokenizer).backend_tokenizer.to_str())
    return [described.get(name) for name in parts]
