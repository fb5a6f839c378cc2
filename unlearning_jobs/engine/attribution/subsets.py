"""Trains models on subsets of the corpus, paired with models trained on all of it, and stores them group by group."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.catalogue.datamodels import GROUP
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import margins_of
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, train_vectorised

from .removals import Removals, draw_removals, draw_size

FIRST_SEED: Final = 1_800_000_001
SWEEP: Final = 1024
"""Examples per batch when logits are computed."""
DESIGN: Final = 2
"""Version of what is trained here. It is part of the key of the stored files, so raise it with every change."""

Shifts = NDArray[np.float16]
"""(models, examples, classes): a model's logits minus those of its partner, which was trained on all known examples"""


@dataclass(frozen=True)
class SubsetModels:
    """Models of one recipe, each trained without a few of the examples that the original model was trained on."""

    training_data: TrainingData
    exclude_ids: tuple[str, ...]
    """Examples that the original model was not trained on either."""
    shared: Path
    """Folder for such models of all recipes and corpora."""
    device: torch.device
    group: int = GROUP
    """Number of models trained together, each with its own seed. All groups use the same seeds."""

    @cached_property
    def folder(self) -> Path:
        """Return the folder of these models. Its name is a digest of what they depend on, and reveals no example."""
        about = {
            "recipe": self.training_data.recipe.to_json(),
            "manifest_digest": self.training_data.manifest_digest(self.exclude_ids),
            "snapshot": self.training_data.snapshot.info.digest,
            "group": self.group,
            "design": DESIGN,
        }
        return self.shared / hashlib.sha256(canonical_json(about)).hexdigest()

    @cached_property
    def known_ids(self) -> tuple[str, ...]:
        """Return the ids of the examples that may be left out, in the order of the columns of `Removals`."""
        return tuple(self.training_data.retained_ids(self.exclude_ids))

    @cached_property
    def known(self) -> Arrays:
        """Return the examples that may be left out."""
        return cast("Arrays", self.training_data.without(self.exclude_ids))

    @cached_property
    def outputs_of(self) -> Arrays:
        """Return the examples whose logits are stored: all known examples, then the held-out ones."""
        held_out = list(self.training_data.snapshot.examples("held_out"))
        if not held_out:
            return self.known
        others = cast("Arrays", self.training_data.family.encode(held_out))
        return Arrays(torch.cat([self.known.inputs, others.inputs]), torch.cat([self.known.labels, others.labels]))

    def partners(self, number: int) -> list[TrainedModel]:
        """Train models on all known examples, with the seeds that every group uses."""
        return self._train([self.exclude_ids] * number, lambda _done: None)

    def partner_logits(self) -> NDArray[np.float32]:
        """Load or compute the partners' logits: (models, examples, classes)."""
        path = self.folder / "whole.npz"
        if not path.exists():
            _store(path, logits=self._logits(self.partners(self.group)))
        with np.load(path) as file:
            return np.asarray(file["logits"])

    @cached_property
    def margins(self) -> NDArray[np.float64]:
        """Return the partners' mean margin on every known example: (known examples,)."""
        labels, known = self.known.labels, len(self.known)
        rows = torch.arange(known)
        predictions = (Predictions(torch.from_numpy(logits[:known]), labels, rows) for logits in self.partner_logits())
        return np.asarray(torch.stack([margins_of(p) for p in predictions]).double().mean(0).numpy())

    def part(self, number: int, on_share: Callable[[float], None]) -> tuple[Removals, Shifts]:
        """Load or train a group of models: which examples each one lacks, and how that shifts the logits."""
        path = self.folder / f"part-{number}.npz"
        if not path.exists():
            rng = np.random.default_rng([DESIGN, number])
            size = draw_size(len(self.known), rng)
            removed = draw_removals(self.known, self.margins, size, self.group, rng)
            without = [(*self.exclude_ids, *(self.known_ids[i] for i in np.flatnonzero(row))) for row in removed]
            shifts = self._logits(self._train(without, on_share)) - self.partner_logits()
            _store(path, removed=np.packbits(removed, axis=1), shifts=shifts.astype(np.float16))
        on_share(1.0)
        with np.load(path) as file:
            removed = np.unpackbits(file["removed"], axis=1, count=len(self.known)).astype(np.bool_)
            return removed, np.asarray(file["shifts"])

    def _train(self, without: list[tuple[str, ...]], on_share: Callable[[float], None]) -> list[TrainedModel]:
        runs = [TrainingRun(exclude_ids, FIRST_SEED + number, thinned_from=()) for number, exclude_ids in enumerate(without)]
        return train_vectorised(
            self.training_data,
            runs,
            device=self.device,
            on_step=lambda done, total: on_share(done / total),
        )

    def _logits(self, models: list[TrainedModel]) -> NDArray[np.float32]:
        batches = [self.outputs_of.batch(positions, self.device) for positions in self.outputs_of.sweep(SWEEP)]
        with torch.inference_mode():
            logits = [torch.cat([m.family.predict(m.network, b).logits for b in batches]).cpu().numpy() for m in models]
        return np.stack(logits)  # (models, examples, classes)


def _store(path: Path, **arrays: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft.npz")
    np.savez(draft, **arrays)  # type: ignore[arg-type]  # numpy takes any name for an array
    draft.replace(path)  # atomic: an interrupted run leaves no incomplete file
