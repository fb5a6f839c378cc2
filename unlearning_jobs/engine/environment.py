"""What a result was computed with."""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy", "rouge-score")


def describe_environment(device: torch.device) -> dict[str, str]:
    """Versions, device and threads: what it takes to compute the same again. No host name, no path."""
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "device": f"{device.type} ({hardware})",
        "threads": str(torch.get_num_threads()),
    }
