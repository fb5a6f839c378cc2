"""Describes the environment that a result was computed in."""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "peft", "numpy", "scipy", "rouge-score")


def describe_environment(device: torch.device) -> dict[str, str]:
    """Return versions, device and threads, which are needed to reproduce a result. Names no host and no path."""
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "device": f"{device.type} ({hardware})",
        "threads": str(torch.get_num_threads()),
    }
