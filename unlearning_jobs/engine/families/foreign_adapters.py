"""Adapters that somebody else trained on a checkpoint: folders as peft writes them.

They come from anywhere, so nothing of them is run or believed: weights only as safetensors, of plain LoRA alone, each for a
layer of the checkpoint and of its shape. A folder names its checkpoint at most by a name; that one of the same shape is the
right one, only whoever names it knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import nn

from unlearning_jobs.engine.artefacts import checkpoint_digest, model_about
from unlearning_jobs.engine.contracts import Adapter, CheckpointArchitecture, Recipe
from unlearning_jobs.engine.errors import CheckpointError, SpecError

from .adapters import (
    CONFIG,
    MOST_NAMED,
    PARTS,
    PREFIX,
    TENSORS,
    adapter_shapes,
    add_adapter,
    linear_layers,
    load_adapter,
    short_names,
)
from .bases import describe_base
from .checkpoints import describe_checkpoint, empty_network, read_config, read_network, read_tokenizer, without_dropout
from .foreign_models import CODE
from .weights import learned_state

PICKLED: Final = "adapter_model.bin"
OTHERWISE_SAID: Final = frozenset(
    {
        *("peft_type", "r", "lora_alpha", "bias", "init_lora_weights"),  # which are read
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "fan_in_fan_out"),  # by the tensors
    }
)
WITHOUT_EFFECT: Final = frozenset(
    {
        *("base_model_name_or_path", "revision", "task_type", "inference_mode", "auto_mapping", "peft_version"),
        *("lora_dropout", "megatron_core", "runtime_config", "qalora_group_size", "loftq_config", "eva_config"),
    }
)
"""Settings that change nothing of what an adapter answers."""
KEEP_THE_BASE: Final = (True, False, "gaussian", "eva", "orthogonal")
"""Ways to initialise an adapter that leave the weights of its checkpoint as they are."""


def read_adapter(
    folder: Path, base: Path, *, max_length: int = 0, template: str = ""
) -> tuple[CheckpointArchitecture, nn.Module]:
    """Return what a recipe says about the checkpoint in the folder `base` and this adapter on it, and the network with it.

    Further arguments are those of `describe_checkpoint`.

    Raises:
        SpecError: the adapter is none that can be used safely, none of LoRA alone, or another checkpoint's, as far as that
            can be seen; or the checkpoint cannot be used.
    """
    adapter = describe_adapter(folder, base)
    architecture = describe_checkpoint(base, max_length=max_length, template=template, adapter=adapter)
    network = _adapted_network(base, adapter)
    load_adapter(network, folder / TENSORS)
    return architecture, network.eval()


def check_foreign(folder: Path, base: Path, recipe: Recipe) -> None:
    """Check, without reading weights, a model or an adapter on the checkpoint in `base` that is to be imported.

    Raises:
        SpecError: it cannot be used, or it is an adapter and the recipe has none, or the other way round.
    """
    architecture = recipe.architecture
    if isinstance(architecture, CheckpointArchitecture) and architecture.adapter is not None:
        describe_adapter(folder, base)
    elif (folder / CONFIG).is_file():
        message = (
            f"The folder {folder.name} holds an adapter, and the recipe has none. Take over what describes both:"
            " python -m unlearning_jobs.engine describe CHECKPOINT --adapter FOLDER"
        )
        raise SpecError(message, code=CODE)
    elif not isinstance(describe_base(folder), type(architecture)):
        message = (
            f"The model in {folder.name} is of another kind than {recipe.family} models are, as its configuration says."
        )
        raise SpecError(message, code=CODE)


def _adapted_network(base: Path, adapter: Adapter) -> nn.Module:
    network = read_network(base, without_dropout(read_config(base)))
    add_adapter(network, adapter, seed=0)
    return network


def read_declared_adapter(folder: Path, base: Path, declared: CheckpointArchitecture) -> nn.Module:
    """Return the network with an adapter that somebody trained elsewhere, if it is such as the recipe declares.

    Raises:
        SpecError: as `read_adapter`; or it has another rank, alpha or other targets than the recipe declares.
    """
    try:
        found, network = read_adapter(folder, base, max_length=declared.max_length, template=declared.template)
    except CheckpointError:
        raise
    except SpecError as error:
        raise SpecError(str(error), code=CODE) from None
    own, expected = found.adapter, declared.adapter
    same = own is not None and expected is not None and (own.rank, own.alpha) == (expected.rank, expected.alpha)
    if not same or expected is None or not _same_targets(network, base, expected):
        message = f"The adapter in {folder.name} has another rank, alpha or other targets than its recipe declares."
        raise SpecError(message, code=CODE)
    return network


def _same_targets(network: nn.Module, base: Path, adapter: Adapter) -> bool:
    return learned_state(network).keys() == learned_state(_adapted_network(base, adapter)).keys()


def describe_adapter(folder: Path, base: Path) -> Adapter:
    """Return what a recipe says about the adapter in the folder, which is for the checkpoint in the folder `base`.

    Raises:
        as `read_adapter`.
    """
    settings = _settings(folder)
    if problem := next(_problems(folder, settings), ""):
        raise _refused(folder, problem)
    linear = linear_layers(empty_network(read_config(base)))
    _check_base(folder, base)
    chosen = _adapted(folder, linear, settings["r"])
    return Adapter(settings["r"], settings["lora_alpha"], tuple(short_names(chosen, linear)))


def _settings(folder: Path) -> Mapping[str, Any]:
    if not (folder / CONFIG).is_file():
        raise _refused(folder, f"it has no {CONFIG}")
    try:
        stored = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError):
        raise _refused(folder, f"its {CONFIG} cannot be read") from None
    if not isinstance(stored, dict):
        raise _refused(folder, f"its {CONFIG} cannot be read")
    return stored


def _problems(folder: Path, settings: Mapping[str, Any]) -> Iterator[str]:
    if (kind := settings.get("peft_type")) != "LORA":
        yield f"it is a {str(kind)[:40]}, and only LoRA is read"
    if not (folder / TENSORS).is_file():
        pickled = (folder / PICKLED).is_file()
        yield "its weights are pickled, and none are unpickled; save them as safetensors" if pickled else "it has no weights"
    if type(settings.get("r")) is not int or type(settings.get("lora_alpha")) not in (int, float):
        yield f"its {CONFIG} names no rank (r) and no lora_alpha"
    if settings.get("bias", "none") != "none":
        yield "it changes biases of its checkpoint as well; merge it into that"
    if (start := settings.get("init_lora_weights", True)) not in KEEP_THE_BASE:
        yield f"it was made by {str(start)[:40]}, which changes its checkpoint as well; merge it into that"
    known = OTHERWISE_SAID | WITHOUT_EFFECT
    if others := sorted(name for name, value in settings.items() if value and name not in known):
        yield f"it is a variant of LoRA ({', '.join(others)[:100]}); merge it into its checkpoint"


def _check_base(folder: Path, base: Path) -> None:
    """Compare what the folder holds about its checkpoint: the digest, if it was written here, and the tokenizer."""
    said = model_about(folder).get("base_sha256")
    if said is not None and said != checkpoint_digest(base):
        raise _refused(folder, f"it says that it is for another checkpoint than {base.name}: its digest differs")
    if (folder / "tokenizer.json").is_file() and _vocabulary(folder) != read_tokenizer(base).get_vocab():
        raise _refused(folder, f"its tokenizer is another than that of {base.name}: it is for another checkpoint")


def _vocabulary(folder: Path) -> dict[str, int]:
    try:
        return Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    except Exception as error:  # noqa: BLE001  # the library raises no other kind
        raise _refused(folder, f"its tokenizer cannot be read ({type(error).__name__})") from None


def _adapted(folder: Path, linear: Mapping[str, nn.Module], rank: int) -> set[str]:
    """Return the names of the layers that the folder has tensors for: two each, of the shapes that rank and layer give."""
    try:
        with safe_open(folder / TENSORS, "pt") as stored:
            shapes = {name: tuple(stored.get_slice(name).get_shape()) for name in sorted(stored.keys())}
    except (OSError, SafetensorError) as error:
        raise _refused(folder, f"its {TENSORS} is damaged ({type(error).__name__})") from None
    expected = {
        f"{PREFIX}{name}.{part}.weight": (name, shape)
        for name, layer in linear.items()
        for part, shape in zip(PARTS, adapter_shapes(layer, rank), strict=True)
    }
    if strange := [name for name, shape in shapes.items() if name not in expected or shape != expected[name][1]]:
        named = ", ".join(strange[:MOST_NAMED])[:300]
        raise _refused(folder, f"{len(strange)} of its tensors fit no linear layer that the checkpoint has ({named})")
    if not shapes:
        raise _refused(folder, "it holds no tensors")
    chosen = {expected[name][0] for name in shapes}
    if missing := [name for name, (layer, _) in expected.items() if layer in chosen and name not in shapes]:
        raise _refused(folder, f"{len(missing)} of its tensors are missing ({', '.join(missing[:MOST_NAMED])})")
    return chosen


def _refused(folder: Path, why: str) -> SpecError:
    return SpecError(f"The adapter in {folder.name} cannot be used: {why}.")
