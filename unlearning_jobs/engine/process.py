"""Trains the result of an exact method again, from its beginning: what it is released on, and what is shipped."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from .catalogue import method_guarantee
from .contracts import ProgressCallback, SecondTraining
from .preparation import excluded_ids, unlearning_steps
from .running import RunningJob, as_steps
from .training.model import TrainedModel, saved_weights, weights_digest
from .training.train import train


def train_again(
    job: RunningJob, unlearned: TrainedModel, report: ProgressCallback
) -> tuple[SecondTraining | None, TrainedModel]:
    """Return what a whole training was given and what came of it, and the model to ship; for exact methods alone.

    The training reads the corpus itself and takes nothing from the cache, which another machine or another person may have
    filled. The model that it gave is shipped: however near another one is, nothing shows what that was trained on.
    Accelerators add in an order of their own, so there the method seldom gives the same weights bit by bit.
    """
    if method_guarantee(unlearning_steps(job.spec)[-1].method.name) != "exact":
        return None, unlearned
    data, exclude_ids, seed = job.trainer.training_data, excluded_ids(job.spec), job.spec.seed
    again = train(data, exclude_ids, seed, device=job.trainer.device, on_step=as_steps(report))
    retained = frozenset(data.retained_ids(exclude_ids))
    weights, method_weights = weights_digest(again), weights_digest(unlearned)
    repeated = weights == method_weights
    trained = SecondTraining(
        examples=len(retained),
        manifest=job.snapshot.manifest_digest(retained),
        forget_examples=len(job.spec.forget_ids),
        given=len(retained.intersection(job.spec.forget_ids)),
        weights=weights,
        method_weights=method_weights,
        difference=0.0 if repeated else _largest_difference(saved_weights(unlearned), saved_weights(again)),
    )
    if not repeated:
        job.trainer.discard(exclude_ids, seed)
    return trained, again


def _largest_difference(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float | None:
    """Return the largest difference between two networks' numbers, relative above 1.

    It is None if the networks differ in kind, or in a number that is not finite.
    """
    if a.keys() != b.keys() or any(a[name].shape != b[name].shape for name in a):
        return None
    largest = 0.0
    for name, tensor in a.items():
        if tensor.numel() and not torch.equal(tensor, b[name]):
            difference = (tensor.double() - b[name].double()).abs() / tensor.double().abs().clamp(min=1.0)
            largest = max(largest, float(difference.max())) if bool(torch.isfinite(difference).all()) else math.inf
    return largest if largest < math.inf else None
