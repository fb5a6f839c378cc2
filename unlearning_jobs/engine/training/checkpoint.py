"""The state of an unfinished training, so that a training that was killed goes on where it stopped."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import nn

from unlearning_jobs.engine.families.weights import learned_state, restore

CHECKPOINT_SECONDS: Final = 30.0


@dataclass
class TrainingCheckpoint:
    """A file that is read when a training starts and written now and then while it runs. Without a path it does nothing."""

    path: Path | None
    seconds: float = CHECKPOINT_SECONDS
    """Time between two writes."""
    saved_at: float = field(default_factory=time.monotonic, init=False)

    def load(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
        """Restore the state and return the number of steps done.

        Returns 0 and changes nothing if there is no file, or if it cannot be read.
        """
        return load_checkpoint(self.path, network, optimizer) if self.path else 0

    def save_if_due(self, network: nn.Module, optimizer: torch.optim.Optimizer, done: int) -> None:
        """Write the state if the last write was long enough ago."""
        if self.path and time.monotonic() - self.saved_at >= self.seconds:
            save_checkpoint(self.path, network, optimizer, done)
            self.saved_at = time.monotonic()


def save_checkpoint(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, done: int) -> None:
    """Write the state, but for what is frozen. A process killed meanwhile leaves the previous state in place."""
    draft = path.with_suffix(".draft")
    torch.save({"network": learned_state(network), "optimizer": optimizer.state_dict(), "done": done}, draft)
    draft.replace(path)


def load_checkpoint(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Restore the state and return the steps done; return 0 and change nothing if the file is missing or unreadable."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        weights, moments, done = state["network"], state["optimizer"], int(state["done"])
    except (OSError, RuntimeError, KeyError, EOFError, ValueError, pickle.UnpicklingError):
        return 0
    restore(network, weights)
    optimizer.load_state_dict(moments)
    return done
