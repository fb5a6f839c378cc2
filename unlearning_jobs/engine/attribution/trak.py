"""TRAK: how much each training example adds to each output, from gradients (Park et al. 2023, arXiv 2303.14186).

For one model with weights w, and features phi that are projected gradients,

    tau_c(x) = phi_c(x)^T (Phi^T Phi + ridge)^-1 Phi^T Q

where phi_c(x) is the gradient of logit c of x, the rows of Phi are the gradients of the training examples' margins, and Q
holds 1 - p(right class). Over several models the first three factors are averaged together, and Q apart (section 3.2 there).
The projection is a count sketch (Charikar et al. 2002): every weight goes to one of a few buckets with a random sign, which
keeps inner products on average and needs no matrix.

Scores are right up to a scale, since training does not end in the minimum that the formula takes for granted. The scale
comes from models that were trained without some of the examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.training.model import TrainedModel

BUCKETS: Final = 1024
RIDGE: Final = 0.1
"""As a share of the mean of the diagonal that it is added to."""
NUMBERS_AT_ONCE: Final = 2**26
"""Gradient entries held at a time."""


def trak_scores(models: Sequence[TrainedModel], outputs_of: Arrays, known: int) -> NDArray[np.float32]:
    """How much each known example adds to each logit: (examples, classes, known examples), up to a scale.

    Args:
        models: trained on the known examples, with different seeds.
        outputs_of: the examples; the first of them are the known ones.
        known: how many these are.
    """
    total, doubt = None, None
    for seed, model in enumerate(models):
        features, logits = _features(model, outputs_of, seed)
        labels = outputs_of.labels[:known].to(features.device)
        phi = _margin_features(features[:known], logits[:known], labels)
        gram = phi.T @ phi
        gram.diagonal().add_(RIDGE * gram.diagonal().mean())
        scores = features @ torch.linalg.solve(gram, phi.T)
        wrong = 1 - F.softmax(logits[:known], dim=-1).gather(1, labels[:, None]).squeeze(1)
        total = scores if total is None else total + scores
        doubt = wrong if doubt is None else doubt + wrong
    if total is None or doubt is None:
        message = "TRAK needs at least one model."
        raise ValueError(message)
    return np.asarray((total * doubt / len(models) ** 2).cpu().numpy())


def _features(model: TrainedModel, data: Arrays, seed: int) -> tuple[Tensor, Tensor]:
    """Projected gradients of every logit, (examples, classes, buckets), and the logits, (examples, classes)."""
    network, device = model.network, model.device
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    state = dict(network.named_buffers())
    size = sum(weight.numel() for weight in weights.values())
    generator = torch.Generator().manual_seed(seed)
    buckets = torch.randint(BUCKETS, (size,), generator=generator).to(device)
    signs = (2.0 * torch.randint(2, (size,), generator=generator) - 1).to(device)

    def answer(w: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        logits = functional_call(network, (w, state), (x.unsqueeze(0),)).squeeze(0)
        return logits, logits

    found, said = [], []
    gradients = vmap(jacrev(answer, has_aux=True), in_dims=(None, 0))
    with torch.no_grad():
        for part in torch.split(data.inputs.to(device), _examples_at_once(data, size)):
            jacobian, logits = gradients(weights, part)
            flat = torch.cat([j.flatten(2) for j in jacobian.values()], dim=2)  # (examples, classes, weights)
            sketch = flat.new_zeros(*flat.shape[:2], BUCKETS)
            found.append(sketch.index_add_(2, buckets, flat * signs))
            said.append(logits)
    return torch.cat(found), torch.cat(said)


def _examples_at_once(data: Arrays, weights: int) -> int:
    classes = int(data.labels.max()) + 1
    return max(1, NUMBERS_AT_ONCE // (classes * weights))


def _margin_features(features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Gradients of the margins, z_y - log sum of exp z_j over the others, from those of the logits: (examples, buckets)."""
    right = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
    others = F.softmax(logits.masked_fill(right.bool(), float("-inf")), dim=-1)
    return torch.einsum("nc,nck->nk", right - others, features)
