"""TRAK: estimates from gradients how much each example adds to each output (Park et al. 2023, arXiv 2303.14186).

For one model with weights w and features phi, which are projected gradients, the score is

    tau_c(x) = phi_c(x)^T (Phi^T Phi + ridge)^-1 Phi^T Q

where phi_c(x) is the gradient of logit c of x, the rows of Phi are the gradients of the training examples' margins, and Q
holds 1 - p(right class). With several models, the product of the first three factors is averaged, and Q separately (section
3.2 of the paper). The projection is a count sketch (Charikar et al. 2002): every weight goes to one of a few buckets with a
random sign, which preserves inner products on average and needs no matrix.

Scores are correct only up to a scale, because training does not end in the minimum that the formula assumes. The scale is
estimated from models that were trained without some of the examples.
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
"""Ridge, as a share of the mean of the diagonal that it is added to."""
NUMBERS_AT_ONCE: Final = 2**26
"""Largest number of gradient entries held at a time."""


def trak_scores(models: Sequence[TrainedModel], outputs_of: Arrays, known: int) -> NDArray[np.float32]:
    """Estimate how much each known example adds to each logit: (examples, classes, known examples), up to a scale.

    Args:
        models: models trained on the known examples, with different seeds.
        outputs_of: examples whose logits are attributed; the known examples come first.
        known: number of known examples.

    Raises:
        ValueError: there are no models.
    """
    score_sum, error_sum = None, None
    for seed, model in enumerate(models):
        features, logits = _features(model, outputs_of, seed)
        labels = outputs_of.labels[:known].to(features.device)
        phi = _margin_features(features[:known], logits[:known], labels)  # (known, buckets)
        gram = phi.T @ phi  # (buckets, buckets)
        gram.diagonal().add_(RIDGE * gram.diagonal().mean())
        scores = features @ torch.linalg.solve(gram, phi.T)  # (examples, classes, known)
        error = 1 - F.softmax(logits[:known], dim=-1).gather(1, labels[:, None]).squeeze(1)  # (known,): diagonal of Q
        score_sum = scores if score_sum is None else score_sum + scores
        error_sum = error if error_sum is None else error_sum + error
    if score_sum is None or error_sum is None:
        message = "TRAK needs at least one model."
        raise ValueError(message)
    return np.asarray((score_sum * error_sum / len(models) ** 2).cpu().numpy())


def _features(model: TrainedModel, data: Arrays, seed: int) -> tuple[Tensor, Tensor]:
    """Return projected gradients of every logit (examples, classes, buckets), and the logits (examples, classes)."""
    network, device = model.network, model.device
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    state = dict(network.named_buffers())
    size = sum(weight.numel() for weight in weights.values())
    generator = torch.Generator().manual_seed(seed)
    buckets = torch.randint(BUCKETS, (size,), generator=generator).to(device)
    signs = (2.0 * torch.randint(2, (size,), generator=generator) - 1).to(device)

    def predict(w: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        logits = functional_call(network, (w, state), (x.unsqueeze(0),)).squeeze(0)
        return logits, logits  # to differentiate, and to return as they are

    all_features, all_logits = [], []
    gradients = vmap(jacrev(predict, has_aux=True), in_dims=(None, 0))
    with torch.no_grad():
        for part in torch.split(data.inputs.to(device), _examples_at_once(data, size)):
            jacobian, logits = gradients(weights, part)
            flat = torch.cat([j.flatten(2) for j in jacobian.values()], dim=2)  # (examples, classes, weights)
            sketch = flat.new_zeros(*flat.shape[:2], BUCKETS)
            all_features.append(sketch.index_add_(2, buckets, flat * signs))
            all_logits.append(logits)
    return torch.cat(all_features), torch.cat(all_logits)


def _examples_at_once(data: Arrays, weights: int) -> int:
    classes = int(data.labels.max()) + 1
    return max(1, NUMBERS_AT_ONCE // (classes * weights))


def _margin_features(features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Combine gradients of the logits into those of the margins z_y - log sum_{j != y} exp z_j: (examples, buckets)."""
    right = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
    others = F.softmax(logits.masked_fill(right.bool(), float("-inf")), dim=-1)
    return torch.einsum("nc,nck->nk", right - others, features)
