"""Establishes how a result was made: what exact and certified methods are released on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from compliance.formats.results import Certificate
from compliance.formats.rules import certificate_check

from .catalogue import method_guarantee
from .contracts import ProcessCheck, ProgressCallback
from .preparation import excluded_ids, unlearning_steps
from .running import RunningJob, as_steps
from .training.model import TrainedModel
from .training.train import train

CLOSE: Final = 1e-5
"""Difference of weights, relative above 1, that rounding can explain: a sum that was subtracted from, against a new one."""
NEARER: Final = 1000
"""What rounding explains is so many times smaller than the way that the result has come from the original."""
NEARER_ON_ACCELERATOR: Final = 20
"""Accelerators add in an order of their own, and a training amplifies that: there, the Euclidean distances say it."""


def process_checks(
    job: RunningJob,
    original: TrainedModel,
    unlearned: TrainedModel,
    certificate: Certificate | None,
    report: ProgressCallback,
) -> tuple[tuple[ProcessCheck, ...], TrainedModel]:
    """Return what can be established about the process, and the result.

    Methods that only measurements can judge have no checks. An exact result that a training from nothing does not repeat is
    made again, since it may have come from a cache that another machine filled; then that one is the result.
    """
    guarantee = method_guarantee(unlearning_steps(job.spec)[-1].method.name)
    if guarantee == "exact":
        executed, result = _executed_again(job, original, unlearned, report)
        return (_forget_set_absent(job), executed), result
    if guarantee == "certified":
        return (certificate_check(certificate),), unlearned
    return (), unlearned


def _forget_set_absent(job: RunningJob) -> ProcessCheck:
    """State what the second training was given: it reads the corpus itself, and takes nothing from the cache."""
    retained = frozenset(job.trainer.training_data.retained_ids(excluded_ids(job.spec)))
    held = retained.isdisjoint(job.spec.forget_ids)
    digest = job.snapshot.manifest_digest(retained)
    sentence = (
        f"A training from nothing on the {len(retained)} remaining examples, whose manifest has the digest {digest}, was"
        f" given {'none' if held else 'some'} of the {len(job.spec.forget_ids)} examples to forget."
    )
    return ProcessCheck("forget_set_absent", held, sentence)


def _executed_again(
    job: RunningJob, original: TrainedModel, unlearned: TrainedModel, report: ProgressCallback
) -> tuple[ProcessCheck, TrainedModel]:
    """Train on the remaining examples once more, with nothing from the cache, and compare the weights."""
    exclude_ids, data = excluded_ids(job.spec), job.trainer.training_data
    again = train(data, exclude_ids, job.spec.seed, device=job.trainer.device, on_step=as_steps(report))
    check = _compared(unlearned, again, original)
    if check.held is None:
        job.trainer.discard(exclude_ids, job.spec.seed)
        unlearned = job.apply(original, len(job.spec.earlier), job.spec.seed, report)
        check = _compared(unlearned, again, original)
    return check, unlearned


def _compared(result: TrainedModel, again: TrainedModel, original: TrainedModel) -> ProcessCheck:
    first, second, before = (_weights(model) for model in (result, again, original))
    apart, moved = _largest_difference(first, second), _largest_difference(first, before)
    held: bool | None = True
    if apart == 0:
        sentence = "That training gave the same weights as the result, bit by bit."
    elif moved == 0:
        held, sentence = False, "The result is the original model, unchanged, and that training gave other weights."
    elif apart <= CLOSE and NEARER * apart <= moved:
        sentence = f"That training gave the same weights as the result up to rounding, by at most {apart:.1g}."
    elif result.device.type != "cpu" and NEARER_ON_ACCELERATOR * _distance(first, second) <= _distance(first, before):
        sentence = (
            f"That training gave nearly the same weights, as it does on an accelerator: the result lies more than"
            f" {NEARER_ON_ACCELERATOR} times nearer to them than to the original."
        )
    else:
        held, sentence = None, "That training gave other weights, so the identity of the result is not shown."
    return ProcessCheck("executed_again", held, sentence)


def _weights(model: TrainedModel) -> Mapping[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in model.network.state_dict().items()}


def _largest_difference(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Return the largest difference between two networks' numbers, relative above 1.

    It is infinite if the networks differ in kind, or in a number that is not finite.
    """
    if _differ_in_kind(a, b):
        return math.inf
    largest = 0.0
    for name, tensor in a.items():
        if tensor.numel() and not torch.equal(tensor, b[name]):
            difference = (tensor.double() - b[name].double()).abs() / tensor.double().abs().clamp(min=1.0)
            largest = max(largest, float(difference.max()) if bool(torch.isfinite(difference).all()) else math.inf)
    return largest


def _distance(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Return the Euclidean distance between two networks' numbers; infinite if they differ in kind."""
    if _differ_in_kind(a, b):
        return math.inf
    return math.sqrt(sum(float((tensor.double() - b[name].double()).square().sum()) for name, tensor in a.items()))


def _differ_in_kind(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() != b.keys() or any(a[name].shape != b[name].shape for name in a)
