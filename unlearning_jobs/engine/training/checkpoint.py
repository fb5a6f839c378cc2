"""The state of an unfinished training, so that a killed one goes on where it was."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import nn


def save_checkpoint(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, done: int) -> None:
    """Write the state; a kill in between leaves the previous one."""
    draft = path.with_suffix(".draft")
    torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict(), "done": done}, draft)
    draft.replace(path)


def load_checkpoint(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Restore the state and return the steps done; 0, with both untouched, when there is none or it is unreadable."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        weights, moments, done = state["network"], state["optimizer"], int(state["done"])
    except (OSError, RuntimeError, KeyError, EOFError, ValueError, pickle.UnpicklingError):
        return 0
    network.load_state_dict(weights)
    optimizer.load_state_dict(moments)
    return done
