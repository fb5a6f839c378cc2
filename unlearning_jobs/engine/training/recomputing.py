"""Gradient checkpointing: layers keep only what enters them, and compute the rest again in the backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from torch import nn

from unlearning_jobs.engine.errors import ObstacleError


@contextmanager
def recomputing(network: nn.Module, *, enabled: bool) -> Iterator[None]:
    """Let the layers of language models compute their activations again while they are trained, if it is enabled.

    The gradients stay the same. It has no effect in evaluation.

    Raises:
        ObstacleError: transformers does not know how to do that with such a network.
    """
    networks = _networks(network) if enabled else []
    for each in networks:
        if not getattr(each, "supports_gradient_checkpointing", False):
            message = "Layers of this architecture cannot be computed again; leave checkpointing out of the recipe."
            raise ObstacleError(message)
    try:
        for each in networks:
            cast("Any", each).activation_checkpointing_enable({"use_reentrant": False})
        yield
    finally:
        for each in networks:
            cast("Any", each).activation_checkpointing_disable()


def _networks(network: nn.Module) -> list[nn.Module]:
    """Return the network, or those of its shards."""
    if hasattr(network, "activation_checkpointing_enable"):
        return [network]
    return [each for each in network.modules() if hasattr(each, "lm_head")]
