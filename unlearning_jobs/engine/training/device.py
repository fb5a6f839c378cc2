"""Where to compute, and whether it fits there."""

from __future__ import annotations

from pathlib import Path

import torch

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import OutOfMemoryError, SpecError

FLOAT_BYTES = 4
GIBIBYTE = 2**30
COPIES_IN_TRAINING = 4
"""Weights, gradients, and Adam's two moments. The moments and master weights stay float32 under bfloat16 autocast."""
ACTIVATIONS_PER_LAYER = 18
"""Kept for the backward pass, in units of tokens x hidden size: norms, attention and residuals, roughly counted."""


def choose_device(name: str) -> torch.device:
    """The device of this name; `auto` is CUDA where there is one.

    Raises:
        SpecError: there is no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        message = f"There is no device {name!r} on this machine; use auto, cpu, or cuda where a GPU is present."
        raise SpecError(message) from None
    return device


def parameter_count(recipe: Recipe) -> int:
    """Parameters of the recipe's model: tied embeddings, four attention and three MLP matrices per layer, norms."""
    a = recipe.architecture
    per_layer = 4 * a.hidden_size**2 + 3 * a.hidden_size * a.intermediate_size + 2 * a.hidden_size
    return recipe.vocabulary_size * a.hidden_size + a.layers * per_layer + a.hidden_size


def memory_needed(recipe: Recipe, *, copies: int = COPIES_IN_TRAINING) -> int:
    """Bytes, estimated: `copies` of the parameters, and the activations of one batch of the longest sequences."""
    a = recipe.architecture
    tokens = recipe.batch_size * a.max_length
    per_token = a.layers * (ACTIVATIONS_PER_LAYER * a.hidden_size + 4 * a.intermediate_size) + 3 * recipe.vocabulary_size
    return FLOAT_BYTES * (copies * parameter_count(recipe) + tokens * per_token)


def memory_available(device: torch.device) -> int:
    """Bytes that this process may still take: free CUDA memory, or what the system and its control group leave."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min(_system_memory(), _control_group_memory())


def check_memory(recipe: Recipe, device: torch.device, *, copies: int = COPIES_IN_TRAINING) -> None:
    """Refuse work that would not fit, before it starts.

    Raises:
        OutOfMemoryError: names what is needed and what is available.
    """
    needed, available = memory_needed(recipe, copies=copies), memory_available(device)
    if needed > available:
        message = (
            f"The model needs about {needed / GIBIBYTE:.1f} GiB with its optimiser state, and"
            f" {available / GIBIBYTE:.1f} GiB are available on {device}; use a smaller recipe or a larger machine."
        )
        raise OutOfMemoryError(message)


def _system_memory(path: Path = Path("/proc/meminfo")) -> int:
    try:
        lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 2**63  # not Linux: nothing to compare with


def _control_group_memory(root: Path = Path("/sys/fs/cgroup")) -> int:
    for limit, usage in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        try:
            return int((root / limit).read_text()) - int((root / usage).read_text())
        except (OSError, ValueError):  # no such group, or no limit ("max")
            continue
    return 2**63
