"""Predicts what leaving out examples would change; prepared once for all requests about a model version."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Final, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from unlearning_jobs.engine.catalogue.datamodels import CHECKPOINTS, spared_groups
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.training.cache import locked
from unlearning_jobs.engine.training.device import GIBIBYTE, memory_available
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import can_be_vectorised

from .datamodel import Array, Datamodel, Schedule, fit
from .removals import Removals
from .subsets import Shifts, SubsetModels
from .trak import trak_scores

Kind = Literal["datamodel", "trak"]
OnShare = Callable[[float], None]
"""Called with the share of the preparation that is done."""

FITTING_SHARE: Final = 0.1
"""Share of the preparation's progress that follows the training of the models."""
EXAMPLES_AT_ONCE: Final = 256
BYTES: Final = 2 + 4 + 4 + 4
"""Memory for one logit of one model: stored shift, TRAK's prediction, residual, and weight."""


@dataclass(frozen=True)
class Quality:
    """The quality of an attribution, measured on models that were not used to make it."""

    scale: float
    """Factor for its predictions, by least squares over the examples that are left out."""
    correlation: float
    """Correlation between predicted and actual shifts, over the models for each example, averaged over the examples. The
    shift is that of the right class's logit, minus the mean over all classes."""
    models: int
    """Number of models trained for the attribution, including those that the quality is measured on."""


class Predictor(Protocol):
    """Predicts by how much logits shift when examples are left out."""

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """Predict the shifts caused by leaving out each set, for the examples in these rows: (sets, rows, classes)."""
        ...


@dataclass(frozen=True)
class Trak:
    """Predicts the sum of the examples' first-order effects."""

    scores: NDArray[np.float32]
    """(examples, classes, known examples)"""

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """See `Predictor`."""
        scores = self.scores[list(rows)]  # (rows, classes, known examples)
        effects = left_out.astype(np.float32) @ scores.reshape(-1, scores.shape[-1]).T  # (sets, rows x classes)
        return np.asarray(-effects.reshape(len(left_out), *scores.shape[:2]), dtype=np.float64)


@dataclass(frozen=True)
class TrakWithDatamodel:
    """Predicts first-order effects with TRAK, and their residuals with a datamodel."""

    trak: Trak
    slope: float
    """Slope of the actual shifts on TRAK's predictions, by least squares."""
    residual: Datamodel

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """See `Predictor`."""
        return self.slope * self.trak.shift(left_out, rows) + self.residual.shift(left_out, rows)


@dataclass(frozen=True)
class Attribution:
    """Predicts, in calibrated units, the logits that a model would have if it was trained without some examples."""

    predictor: Predictor
    quality: Quality
    subsets: SubsetModels

    def shift(self, forget_ids: Sequence[str], ids: Sequence[str]) -> NDArray[np.float32]:
        """Predict by how much the logits of these examples would differ: (ids, classes).

        All ids must belong to examples that the model was trained on or that are held out.
        """
        row_of = {identifier: row for row, identifier in enumerate(self.subsets.known_ids)}
        if not row_of.keys() >= set(ids):  # read the held-out examples only if needed: it takes a while
            held_out = self.subsets.training_data.snapshot.examples("held_out")
            row_of |= {example.id: row for row, example in enumerate(held_out, start=len(row_of))}
        left_out = np.zeros((1, len(self.subsets.known_ids)), dtype=np.bool_)
        left_out[0, [row_of[i] for i in forget_ids]] = True
        shift = self.predictor.shift(left_out, [row_of[i] for i in ids])[0]  # (ids, classes)
        return np.asarray(self.quality.scale * shift, dtype=np.float32)


def check_attribution(training_data: TrainingData, known: int, subset_models: int) -> None:
    """Refuse what cannot be attributed, before anything is trained.

    Raises:
        ObstacleError: the recipe rules out stacked training, or memory is too small.
    """
    if not can_be_vectorised(training_data):
        message = (
            "The method trains thousands of small models together, which this recipe does not allow: it has dropout, batch"
            " normalisation, bfloat16, shards or privacy; choose another method."
        )
        raise ObstacleError(message)
    classes = len(training_data.snapshot.info.labels)
    examples = known + training_data.snapshot.info.counts.get("held_out", 0)
    needed = BYTES * subset_models * examples * classes
    if needed > memory_available(torch.device("cpu")):
        message = (
            f"The logits of {subset_models} models need about {needed / GIBIBYTE:.1f} GiB; set subset_models lower, set"
            " attribution to trak, or use a machine with more memory."
        )
        raise ObstacleError(message)


def prepare(kind: Kind, subsets: SubsetModels, amount: int, on_share: OnShare = lambda _: None) -> Attribution:
    """Load the attribution, or prepare and store it. A second process waits for the first.

    Args:
        kind: trak is first-order and uses the gradients of models trained on everything. datamodel also learns TRAK's
            residuals, from models trained on subsets.
        subsets: trains the models.
        amount: number of models to learn from. Models trained on subsets are rounded up to whole groups, and some are added
            on which only the scale and the quality are measured.
        on_share: called with the share that is done.
    """
    folder = subsets.folder / f"{kind}-{amount}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        if not (folder / "quality.json").exists():  # it is written last
            # 1. Train models on subsets: groups to learn from, and spare ones to measure on.
            parts, models = _train_parts(kind, subsets, amount, lambda share: on_share((1 - FITTING_SHARE) * share))
            *learned, measured = parts
            # 2. First-order effects, from models trained on everything.
            known, partners = len(subsets.known_ids), subsets.partners(CHECKPOINTS if kind == "datamodel" else amount)
            np.save(folder / "scores.npy", trak_scores(partners, subsets.outputs_of, known))
            # 3. Their residuals.
            if kind == "datamodel":
                _fit_residuals(learned, subsets, folder)
            # 4. Scale and quality, on models that nothing was learned from.
            quality = _measure(_load(kind, subsets, folder), subsets, *measured, models + len(partners))
            (folder / "quality.json").write_text(json.dumps(asdict(quality)))
    on_share(1.0)
    return Attribution(_load(kind, subsets, folder), Quality(**json.loads((folder / "quality.json").read_text())), subsets)


def _train_parts(
    kind: Kind, subsets: SubsetModels, amount: int, on_share: OnShare
) -> tuple[list[tuple[Removals, Shifts]], int]:
    """Return the groups of models to learn from, then the models to measure on, and the number of models trained."""
    groups = -(-amount // subsets.group) if kind == "datamodel" else 0
    total = groups + spared_groups(groups)
    parts = [subsets.part(number, partial(_report, on_share, number, total)) for number in range(total)]
    removed, shifts = (np.concatenate(column) for column in zip(*parts[groups:], strict=True))
    return [*parts[:groups], (removed, shifts)], subsets.group * (1 + total)


def _report(on_share: OnShare, number: int, parts: int, share: float) -> None:
    on_share((number + share) / parts)


def _load(kind: Kind, subsets: SubsetModels, folder: Path) -> Predictor:
    trak = Trak(np.load(folder / "scores.npy", mmap_mode="r"))
    if kind == "trak":
        return trak
    return TrakWithDatamodel(trak, float(np.load(folder / "slope.npy")), Datamodel.load(folder, _schedule(subsets)))


def _fit_residuals(learned: Sequence[tuple[Removals, Shifts]], subsets: SubsetModels, folder: Path) -> None:
    """Fit a datamodel to the residuals of TRAK's predictions, after scaling them by least squares."""
    trak, rows = Trak(np.load(folder / "scores.npy")), range(len(subsets.outputs_of))
    first_order = [trak.shift(removed, rows).astype(np.float32) for removed, _ in learned]
    products = sum(float((f * shifts).sum()) for f, (_, shifts) in zip(first_order, learned, strict=True))
    slope = products / sum(float(np.square(f).sum()) for f in first_order)
    residuals = [shifts - slope * f for f, (_, shifts) in zip(first_order, learned, strict=True)]
    removals = np.concatenate([removed for removed, _ in learned])
    fit(removals, np.concatenate(residuals), _schedule(subsets), folder).save(folder)
    np.save(folder / "slope.npy", slope)


def _schedule(subsets: SubsetModels) -> Schedule:
    return Schedule(len(subsets.known_ids), subsets.training_data.recipe.batch_size)


def _measure(predictor: Predictor, subsets: SubsetModels, removed: Removals, shifts: Shifts, models: int) -> Quality:
    """Measure scale and correlation on models that nothing was learned from."""
    labels, known = subsets.outputs_of.labels.numpy(), len(subsets.known_ids)
    products = squares = 0.0
    correlations: list[float] = []
    for first in range(0, len(labels), EXAMPLES_AT_ONCE):
        rows = range(first, min(first + EXAMPLES_AT_ONCE, len(labels)))
        predicted = predictor.shift(removed, rows)  # (models, rows, classes)
        actual = shifts[:, rows].astype(np.float64)  # (models, rows, classes)
        # (models, rows): whether the model lacks the example itself; held-out examples come last and are never removed
        itself = np.zeros((len(removed), len(rows)), dtype=np.bool_)
        itself[:, : max(0, known - first)] = removed[:, first : first + len(rows)]
        products += float((predicted[itself] * actual[itself]).sum())
        squares += float(np.square(predicted[itself]).sum())
        correlations += _correlations(predicted, actual, labels[rows])
    return Quality(products / squares if squares else 1.0, fmean(correlations) if correlations else 0.0, models)


def _correlations(predicted: Array, actual: Array, labels: NDArray[np.int64]) -> list[float]:
    """Return each example's correlation over the models, if its right logit moves at all.

    Both arrays are (models, examples, classes).
    """
    rows = np.arange(len(labels))
    a, b = (x[:, rows, labels] - x.mean(axis=2) for x in (predicted, actual))  # (models, examples) each
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    spread = np.sqrt(np.square(a).sum(axis=0) * np.square(b).sum(axis=0))
    return [float(c) for c in (a * b).sum(axis=0)[spread > 0] / spread[spread > 0]]
