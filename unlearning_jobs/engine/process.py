"""Establishes how a result was made: what exact and certified methods are released on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from .catalogue import method_guarantee
from .contracts import ProcessCheck, ProgressCallback
from .contracts.privacy import Certificate
from .preparation import excluded_ids, unlearning_steps
from .running import RunningJob, as_steps
from .training.model import TrainedModel
from .training.train import train

CLOSE: Final = 1e-5
"""Relative and absolute difference of weights that rounding explains: a sum that was subtracted from, against a new one."""


def process_checks(
    job: RunningJob,
    original: TrainedModel,
    unlearned: TrainedModel,
    certificate: Certificate | None,
    report: ProgressCallback,
) -> tuple[ProcessCheck, ...]:
    """Return what can be established about the process; nothing for methods that only measurements can judge."""
    guarantee = method_guarantee(unlearning_steps(job.spec)[-1].method.name)
    if guarantee == "exact":
        return (_forget_set_absent(job), _executed_again(job, original, unlearned, report))
    if guarantee == "certified":
        return (_certified(certificate),)
    return ()


def _forget_set_absent(job: RunningJob) -> ProcessCheck:
    retained = frozenset(job.trainer.training_data.retained_ids(excluded_ids(job.spec)))
    held = retained.isdisjoint(job.spec.forget_ids)
    digest = job.snapshot.manifest_digest(retained)
    sentence = (
        f"The result rests on {len(retained)} training examples, whose manifest has the digest {digest};"
        f" {'none' if held else 'some'} of the {len(job.spec.forget_ids)} examples to forget is among them."
    )
    return ProcessCheck("forget_set_absent", held, sentence)


def _executed_again(
    job: RunningJob, original: TrainedModel, unlearned: TrainedModel, report: ProgressCallback
) -> ProcessCheck:
    """Train on the remaining examples once more, with nothing from the cache, and compare the weights."""
    exclude_ids, data = excluded_ids(job.spec), job.trainer.training_data
    again = train(data, exclude_ids, job.spec.seed, device=job.trainer.device, on_step=as_steps(report))
    first, second, before = (_weights(model) for model in (unlearned, again, original))
    apart = _largest_difference(first, second)
    if apart == 0:
        return ProcessCheck(
            "executed_again", held=True, sentence="A second training from nothing gave the same weights, bit by bit."
        )
    if apart <= CLOSE:
        sentence = (
            f"A second training from nothing gave the same weights up to rounding; the largest difference is {apart:.1g}."
        )
        return ProcessCheck("executed_again", held=True, sentence=sentence)
    if _largest_difference(first, before) == 0:
        sentence = "The result is the original model, unchanged, and a second training from nothing gave other weights."
        return ProcessCheck("executed_again", held=False, sentence=sentence)
    if job.trainer.device.type == "cpu":
        job.trainer.discard(exclude_ids, job.spec.seed)  # the next attempt starts from nothing
        sentence = "A second training from nothing gave other weights, although a CPU repeats a training bit by bit."
        return ProcessCheck("executed_again", held=False, sentence=sentence)
    sentence = (
        "A second training from nothing gave other weights, as it can on an accelerator, so the identity of the result is"
        " not shown."
    )
    return ProcessCheck("executed_again", held=None, sentence=sentence)


def _certified(certificate: Certificate | None) -> ProcessCheck:
    if certificate is None:
        return ProcessCheck("certificate", held=False, sentence="The method gave no certificate for this result.")
    sentence = (
        f"The result carries a certificate: epsilon {certificate.epsilon:.3g} and delta {certificate.delta:.3g} for"
        f" {certificate.records} examples. {certificate.definition}"
    )
    return ProcessCheck("certificate", held=True, sentence=sentence)


def _weights(model: TrainedModel) -> Mapping[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in model.network.state_dict().items()}


def _largest_difference(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Return the largest difference between two networks' numbers, relative above 1; infinite if they differ in kind."""
    if a.keys() != b.keys() or any(a[name].shape != b[name].shape for name in a):
        return math.inf
    largest = 0.0
    for name, tensor in a.items():
        if tensor.numel() and not torch.equal(tensor, b[name]):
            difference = (tensor.double() - b[name].double()).abs() / tensor.double().abs().clamp(min=1.0)
            largest = max(largest, float(difference.max()))
    return largest
