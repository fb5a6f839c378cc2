"""Models trained on parts of the corpus, in pairs with models trained on all of it; kept group by group."""

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

from unlearning_jobs.engine.catalogue.datamodels import GROUP
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.json_contract import canonical_json
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import margins_of
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, train_vectorised

from .removals import Removals, draw_removals, draw_size

FIRST_SEED: Final = 1_800_000_001
SWEEP: Final = 1024
"""Examples per batch when answers are read off."""
DESIGN: Final = 2
"""Counts changes of what is trained here; a part of the key of what is kept."""

Shifts = NDArray[np.float16]
"""(models, examples, classes): by how much a model's logits differ from those of its partner that was trained on all."""


@dataclass(frozen=True)
class SubsetModels:
    """Models by one recipe, each trained without a few of the examples that the model to unlearn was trained on."""

    training_data: TrainingData
    exclude_ids: tuple[str, ...]
    """What that model was not trained on either."""
    shared: Path
    """Folder of all such models, of whatever recipe and corpus."""
    device: torch.device
    group: int = GROUP
    """Models trained at once, each with a seed of its own; every group has the same seeds."""

    @cached_property
    def folder(self) -> Path:
        """Where these are kept. Its name is the digest of what they depend on, which names no example."""
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
        """The training examples that may be left out: the columns of `Removals`."""
        return tuple(self.training_data.retained_ids(self.exclude_ids))

    @cached_property
    def known(self) -> Arrays:
        """These examples."""
        return cast("Arrays", self.training_data.without(self.exclude_ids))

    @cached_property
    def outputs_of(self) -> Arrays:
        """Whose logits are kept: all known examples, then those held out."""
        held_out = list(self.training_data.snapshot.examples("held_out"))
        if not held_out:
            return self.known
        others = cast("Arrays", self.training_data.family.encode(held_out))
        return Arrays(torch.cat([self.known.inputs, others.inputs]), torch.cat([self.known.labels, others.labels]))

    def partners(self, number: int) -> list[TrainedModel]:
        """Models trained on all known examples, with the seeds of every group."""
        return self._train([self.exclude_ids] * number, lambda _done: None)

    def whole(self) -> NDArray[np.float32]:
        """The partners' logits: (models, examples, classes)."""
        path = self.folder / "whole.npz"
        if not path.exists():
            _keep(path, logits=self._logits(self.partners(self.group)))
        with np.load(path) as file:
            return np.asarray(file["logits"])

    @cached_property
    def margins(self) -> NDArray[np.float64]:
        """Mean margin of every known example, as the partners say."""
        labels, known = self.known.labels, len(self.known)
        rows = torch.arange(known)
        said = (Predictions(torch.from_numpy(logits[:known]), labels, rows) for logits in self.whole())
        return np.asarray(torch.stack([margins_of(predictions) for predictions in said]).double().mean(0).numpy())

    def part(self, number: int, on_share: Callable[[float], None]) -> tuple[Removals, Shifts]:
        """What a group of models is not trained on, and what that changes."""
        path = self.folder / f"part-{number}.npz"
        if not path.exists():
            rng = np.random.default_rng([DESIGN, number])
            size = draw_size(len(self.known), rng)
            removed = draw_removals(self.known, self.margins, size, self.group, rng)
            without = [(*self.exclude_ids, *(self.known_ids[i] for i in np.flatnonzero(row))) for row in removed]
            shifts = self._logits(self._train(without, on_share)) - self.whole()
            _keep(path, removed=np.packbits(removed, axis=1), shifts=shifts.astype(np.float16))
        on_share(1.0)
        with np.load(path) as file:
            removed = np.unpackbits(file["removed"], axis=1, count=len(self.known)).astype(np.bool_)
            return removed, np.asarray(file["shifts"])

    def _train(self, without: list[tuple[str, ...]], on_share: Callable[[float], None]) -> list[TrainedModel]:
        runs = [TrainingRun(exclude_ids, FIRST_SEED + number) for number, exclude_ids in enumerate(without)]
        return train_vectorised(
            self.training_data,
            runs,
            device=self.device,
            on_step=lambda done, total: on_share(done / total),
            paired=True,
        )

    def _logits(self, models: list[TrainedModel]) -> NDArray[np.float32]:
        batches = [self.outputs_of.batch(places, self.device) for places in self.outputs_of.sweep(SWEEP)]
        with torch.inference_mode():
            found = [torch.cat([m.family.predict(m.network, b).logits for b in batches]).cpu().numpy() for m in models]
        return np.stack(found)


def _keep(path: Path, **arrays: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft.npz")
    np.savez(draft, **arrays)  # type: ignore[arg-type]  # numpy takes any name for an array
    draft.replace(path)
