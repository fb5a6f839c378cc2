"""What leaving out examples would change, prepared once for all requests about a model version."""

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
"""Of the preparation's progress, what comes after the models are trained."""
MEASURED_AT_ONCE: Final = 256
"""Examples."""
BYTES: Final = 2 + 4 + 4 + 4
"""Of one number: as it is kept, as TRAK predicts it, as what that leaves, and as a weight."""


@dataclass(frozen=True)
class Quality:
    """How good an attribution is, on models that it was not made from."""

    scale: float
    """What its predictions have to be multiplied by, by least squares over the examples that are left out."""
    correlation: float
    """Between predicted and actual shifts of the right class's logit against the mean of all, of one example over the
    models, averaged over the examples."""
    models: int
    """That were trained for the attribution, these included."""


class Predictor(Protocol):
    """Predicts shifts of logits."""

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """What leaving out each set changes: (sets, rows, classes), for the examples in these rows."""
        ...


@dataclass(frozen=True)
class Trak:
    """First-order effects, summed."""

    scores: NDArray[np.float32]
    """(examples, classes, known examples)."""

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """See `Predictor`."""
        chosen = self.scores[list(rows)]
        effects = left_out.astype(np.float32) @ chosen.reshape(-1, chosen.shape[-1]).T
        return np.asarray(-effects.reshape(len(left_out), *chosen.shape[:2]), dtype=np.float64)


@dataclass(frozen=True)
class Corrected:
    """First-order effects, and a datamodel of what they leave unexplained."""

    trak: Trak
    slope: float
    """Of the shifts on TRAK's, by least squares."""
    rest: Datamodel

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """See `Predictor`."""
        return self.slope * self.trak.shift(left_out, rows) + self.rest.shift(left_out, rows)


@dataclass(frozen=True)
class Attribution:
    """Predicts, in calibrated units, what the logits of a model would be had it been trained without some examples."""

    predictor: Predictor
    quality: Quality
    subsets: SubsetModels

    def shift(self, forget_ids: Sequence[str], ids: Sequence[str]) -> NDArray[np.float32]:
        """By how much the logits of these examples would differ: (ids, classes).

        All ids are those of examples that the model was trained on, or that are held out.
        """
        places = {identifier: place for place, identifier in enumerate(self.subsets.known_ids)}
        if not places.keys() >= set(ids):  # reading the held-out examples takes a while
            held_out = self.subsets.training_data.snapshot.examples("held_out")
            places |= {example.id: place for place, example in enumerate(held_out, start=len(places))}
        left_out = np.zeros((1, len(self.subsets.known_ids)), dtype=np.bool_)
        left_out[0, [places[i] for i in forget_ids]] = True
        found = self.predictor.shift(left_out, [places[i] for i in ids])[0]
        return np.asarray(self.quality.scale * found, dtype=np.float32)


def check_attribution(training_data: TrainingData, known: int, subset_models: int) -> None:
    """Refuse what cannot be predicted, before anything is trained.

    Raises:
        ObstacleError: says what stands in the way.
    """
    if not can_be_vectorised(training_data):
        message = (
            "Its thousands of small trainings run stacked, which this recipe does not allow: it has dropout, batch"
            " normalisation, bfloat16, shards or privacy; choose another method."
        )
        raise ObstacleError(message)
    classes = len(training_data.snapshot.info.labels)
    examples = known + training_data.snapshot.info.counts.get("held_out", 0)
    needed = BYTES * subset_models * examples * classes
    if needed > memory_available(torch.device("cpu")):
        message = (
            f"The answers of {subset_models} models take about {needed / GIBIBYTE:.1f} GiB; set subset_models lower, or"
            " attribution to trak, or use a larger machine."
        )
        raise ObstacleError(message)


def prepare(kind: Kind, subsets: SubsetModels, amount: int, on_share: OnShare = lambda _: None) -> Attribution:
    """The attribution, as it was kept or made now; a second process waits for the first.

    Args:
        kind: trak is first-order: it takes the gradients of models trained on everything. datamodel learns, from models
            trained on subsets, what that leaves unexplained.
        subsets: trains them all.
        amount: how many models to learn from. Those trained on subsets are rounded up to whole groups, and some are added
            that only the scale and the quality are measured on.
        on_share: told the share that is done.
    """
    folder = subsets.folder / f"{kind}-{amount}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        if not (folder / "quality.json").exists():
            parts, models = _train_parts(kind, subsets, amount, lambda share: on_share((1 - FITTING_SHARE) * share))
            *learned, measured = parts
            known, partners = len(subsets.known_ids), subsets.partners(CHECKPOINTS if kind == "datamodel" else amount)
            np.save(folder / "scores.npy", trak_scores(partners, subsets.outputs_of, known))
            if kind == "datamodel":
                _fit_to_the_rest(learned, subsets, folder)
            quality = _measure(_load(kind, subsets, folder), subsets, *measured, models + len(partners))
            (folder / "quality.json").write_text(json.dumps(asdict(quality)))
    on_share(1.0)
    return Attribution(_load(kind, subsets, folder), Quality(**json.loads((folder / "quality.json").read_text())), subsets)


def _train_parts(
    kind: Kind, subsets: SubsetModels, amount: int, on_share: OnShare
) -> tuple[list[tuple[Removals, Shifts]], int]:
    """Groups of models to learn from, and last those to measure on; and how many models that took."""
    groups = -(-amount // subsets.group) if kind == "datamodel" else 0
    every = groups + spared_groups(groups)
    parts = [subsets.part(number, partial(_report, on_share, number, every)) for number in range(every)]
    removed, shifts = (np.concatenate(column) for column in zip(*parts[groups:], strict=True))
    return [*parts[:groups], (removed, shifts)], subsets.group * (1 + every)


def _report(on_share: OnShare, number: int, parts: int, share: float) -> None:
    on_share((number + share) / parts)


def _load(kind: Kind, subsets: SubsetModels, folder: Path) -> Predictor:
    trak = Trak(np.load(folder / "scores.npy", mmap_mode="r"))
    if kind == "trak":
        return trak
    return Corrected(trak, float(np.load(folder / "slope.npy")), Datamodel.load(folder, _schedule(subsets)))


def _fit_to_the_rest(learned: Sequence[tuple[Removals, Shifts]], subsets: SubsetModels, folder: Path) -> None:
    """Fit a datamodel to what TRAK, in the units that suit it best, leaves unexplained."""
    trak, rows = Trak(np.load(folder / "scores.npy")), range(len(subsets.outputs_of))
    first_order = [trak.shift(removed, rows).astype(np.float32) for removed, _ in learned]
    above = sum(float((f * shifts).sum()) for f, (_, shifts) in zip(first_order, learned, strict=True))
    slope = above / sum(float(np.square(f).sum()) for f in first_order)
    rest = [shifts - slope * f for f, (_, shifts) in zip(first_order, learned, strict=True)]
    fit(np.concatenate([removed for removed, _ in learned]), np.concatenate(rest), _schedule(subsets), folder).save(folder)
    np.save(folder / "slope.npy", slope)


def _schedule(subsets: SubsetModels) -> Schedule:
    return Schedule(len(subsets.known_ids), subsets.training_data.recipe.batch_size)


def _measure(predictor: Predictor, subsets: SubsetModels, removed: Removals, shifts: Shifts, models: int) -> Quality:
    """Compare with models that nothing was learned from."""
    labels, known = subsets.outputs_of.labels.numpy(), len(subsets.known_ids)
    above = below = 0.0
    correlations: list[float] = []
    for first in range(0, len(labels), MEASURED_AT_ONCE):
        rows = range(first, min(first + MEASURED_AT_ONCE, len(labels)))
        predicted = predictor.shift(removed, rows)
        actual = shifts[:, rows].astype(np.float64)
        own = np.zeros((len(removed), len(rows)), dtype=np.bool_)
        own[:, : max(0, known - first)] = removed[:, first : first + len(rows)]
        above += float((predicted[own] * actual[own]).sum())
        below += float(np.square(predicted[own]).sum())
        correlations += _correlations(predicted, actual, labels[rows])
    return Quality(above / below if below else 1.0, fmean(correlations) if correlations else 0.0, models)


def _correlations(predicted: Array, actual: Array, labels: NDArray[np.int64]) -> list[float]:
    """Of every example whose right logit moves at all, over the models; both arrays are (models, examples, classes)."""
    places = np.arange(len(labels))
    a, b = (x[:, places, labels] - x.mean(axis=2) for x in (predicted, actual))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    spread = np.sqrt(np.square(a).sum(axis=0) * np.square(b).sum(axis=0))
    return [float(c) for c in (a * b).sum(axis=0)[spread > 0] / spread[spread > 0]]
