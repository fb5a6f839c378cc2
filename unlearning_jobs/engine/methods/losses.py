"""Losses that several methods descend. Each is a mean over the answers: classes, or tokens of texts."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.training.model import TrainedModel

from .context import ExampleCounter


def cross_entropy(predictions: Predictions) -> Tensor:
    """Return the cross-entropy of the right answers, a scalar."""
    return F.cross_entropy(predictions.logits, predictions.labels)


def divergence(reference: Tensor, logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Return T^2 x KL(softmax(reference / T) || softmax(logits / T)), a scalar.

    Both are (answers, classes). The factor keeps the size of the gradient as T grows (Hinton et al. 2015, arXiv 1503.02531,
    section 2).
    """
    log_p, log_q = F.log_softmax(reference / temperature, dim=-1), F.log_softmax(logits / temperature, dim=-1)
    return temperature**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def reference_predictions(model: TrainedModel, batch: Batch, counter: ExampleCounter) -> Predictions:
    """Return the predictions of a model that is not being trained, without gradients."""
    counter.add(len(batch.inputs), backwards=False)
    with torch.no_grad():
        return model.family.predict(model.network, batch)
