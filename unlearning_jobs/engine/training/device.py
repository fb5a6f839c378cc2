"""Choosing a device, and checking that a model fits into its memory."""

from __future__ import annotations

from pathlib import Path

import torch

from unlearning_jobs.engine.errors import OutOfMemoryError, SpecError
from unlearning_jobs.engine.families import Footprint

FLOAT_BYTES = 4
GIBIBYTE = 2**30
COPIES_IN_TRAINING = 4
"""Weights, gradients, and Adam's two moments. All of them stay float32 under bfloat16 autocast."""


def choose_device(name: str) -> torch.device:
    """Return the device of this name; `auto` is CUDA if there is a GPU, else the CPU.

    Raises:
        SpecError: this machine has no such device.
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


def memory_needed(size: Footprint, *, copies: int = COPIES_IN_TRAINING, bases: int = 1) -> int:
    """Estimate the bytes needed: `copies` of what learns, `bases` of what is frozen, and what one batch takes.

    A batch is trained on or scored, whichever takes more.
    """
    learned = size.parameters - size.frozen
    return FLOAT_BYTES * (copies * learned + bases * size.frozen + max(size.activations, size.scoring))


def memory_available(device: torch.device) -> int:
    """Return the bytes that this process may still take: free CUDA memory, or what system and control group allow."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min(_system_memory(), _control_group_memory())


def check_memory(size: Footprint, device: torch.device, *, copies: int = COPIES_IN_TRAINING, bases: int = 1) -> None:
    """Refuse work that would not fit into memory, before it starts.

    Raises:
        OutOfMemoryError: the message says how much is needed and how much is available.
    """
    needed, available = memory_needed(size, copies=copies, bases=bases), memory_available(device)
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
