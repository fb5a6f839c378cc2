"""Causal tracing (Meng et al. 2022, arXiv 2202.05262): the layer at whose states a model recalls what it knows of a subject.

The embeddings of the subject are disturbed, so that the answer is lost; then the states of one layer at its last token are
put back as they were. The layer that brings back most of the answer's probability is the one to edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor

from unlearning_jobs.engine.families.tokens import IGNORED
from unlearning_jobs.engine.training.model import TrainedModel

from .places import changed, forward, states_at
from .values import Wish

NOISE: Final = 3.0
"""In standard deviations of the embeddings."""
DRAWS: Final = 4
"""Disturbances of each probe."""
TRACED: Final = 20
"""Probes that are traced at most."""


@torch.no_grad()
def effects(model: TrainedModel, known: Sequence[Wish], seed: int) -> list[float]:
    """Return for every layer but the last the mean probability of the answer that putting its states back brings back.

    The last layer's states at a subject reach no answer. The wishes are those of the answers that the model gives now.
    """
    layers = model.family.hidden_layers(model.network)
    generator = torch.Generator().manual_seed(seed)
    totals = [0.0] * (len(layers) - 1)
    for wish in known[:TRACED]:
        clean = [states_at(model, layer, wish.ids)[0, wish.at] for layer in layers[:-1]]
        for _ in range(DRAWS):
            noise = torch.randn(wish.at, _size(model), generator=generator).to(model.device)
            lost = _probability(model, wish, noise)
            for number, layer in enumerate(layers[:-1]):
                with changed(layer, partial(_restored, clean=clean[number], at=wish.at)):
                    totals[number] += _probability(model, wish, noise) - lost
    return [total / max(1, DRAWS * len(known[:TRACED])) for total in totals]


def recalling_layer(model: TrainedModel, known: Sequence[Wish], seed: int) -> int:
    """Return the number of the layer, from 1, whose states bring back most; of a model with one layer, that."""
    found = effects(model, known, seed)
    return 1 + max(range(len(found)), key=found.__getitem__) if found else 1


def _size(model: TrainedModel) -> int:
    return int(_embeddings(model).weight.shape[1])


def _embeddings(model: TrainedModel) -> Any:
    network: Any = model.network
    return network.get_input_embeddings()


def _probability(model: TrainedModel, wish: Wish, noise: Tensor) -> float:
    """Return the probability of the answer, mean over its tokens, while the tokens up to the subject's last are disturbed.

    The first token, which begins every text, is left as it is.
    """
    embeddings = _embeddings(model)
    deviation = float(embeddings.weight.float().std())

    def disturb(output: Tensor) -> Tensor:
        moved = output.clone()
        moved[0, 1 : wish.at + 1] += (NOISE * deviation * noise).to(output.dtype)
        return moved

    with changed(embeddings, disturb):
        logits = forward(model, wish.ids)[0, :-1]
    labels = wish.labels[0, 1:]
    there = labels != IGNORED
    return float(logits[there].softmax(-1).gather(-1, labels[there].unsqueeze(-1)).mean())


def _restored(states: Tensor, clean: Tensor, at: int) -> Tensor:
    moved = states.clone()
    moved[0, at] = clean.to(states.dtype)
    return moved
