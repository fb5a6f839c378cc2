"""Trained models, kept by what they were trained from, so that one evaluation's oracles serve the next.

An entry is `<key>/model/` and `<key>/digest`. The key is the digest of recipe, manifest digest of the training set, and
seed, so no name says what the training set held. A lock file per key makes a second process wait for the first instead of
training the same model; the lock ends with its process, and the checkpoint beside it lets the next one go on. Models in
shards share the folder `slices`, where every network lies after each of its slices.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.errors import SpecError

from .loop import CHECKPOINT_SECONDS, StepCallback, train
from .model import TrainedModel, place, read_model, save_model
from .training_data import TrainingData


@dataclass(frozen=True)
class Trainer:
    """`train` with a memory: the same recipe, training set and seed are trained once."""

    training_data: TrainingData
    cache: Path
    device: torch.device
    checkpoint_seconds: float = CHECKPOINT_SECONDS

    def obtain(self, exclude_ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
        """The model trained without these examples, from the cache or trained now; on the trainer's device.

        Raises:
            as `train`.
        """
        about = self.about(exclude_ids, seed)
        entry = self._entry(about)
        self.cache.mkdir(parents=True, exist_ok=True)
        with locked(entry.with_suffix(".lock")):
            model = _read_entry(entry)
            if model is None:
                checkpoint = entry.with_suffix(".checkpoint")
                model = train(
                    self.training_data,
                    exclude_ids,
                    seed,
                    device=self.device,
                    on_step=on_step,
                    checkpoint=checkpoint,
                    checkpoint_seconds=self.checkpoint_seconds,
                    slices=self.slices,
                )
                _write_entry(entry, model, about)
                checkpoint.unlink(missing_ok=True)
            else:
                on_step(1, 1, float("nan"))
        place(model.network, self.device)
        return model

    @property
    def slices(self) -> Path:
        """Where the networks of shards are kept after each slice."""
        return self.cache / "slices"

    def keep(self, model: TrainedModel, exclude_ids: Collection[str], seed: int) -> None:
        """Put a model into the cache that was trained elsewhere, as `obtain` would have trained it."""
        about = self.about(exclude_ids, seed)
        entry = self._entry(about)
        self.cache.mkdir(parents=True, exist_ok=True)
        with locked(entry.with_suffix(".lock")):
            if not entry.exists():
                _write_entry(entry, model, about)

    def has(self, exclude_ids: Collection[str], seed: int) -> bool:
        """Whether the model has been trained already."""
        return self._entry(self.about(exclude_ids, seed)).exists()

    def has_begun(self, exclude_ids: Collection[str], seed: int) -> bool:
        """Whether the model has been trained already, or a part of it was trained and kept."""
        entry = self._entry(self.about(exclude_ids, seed))
        return entry.exists() or entry.with_suffix(".checkpoint").exists()

    def _entry(self, about: dict[str, object]) -> Path:
        return self.cache / hashlib.sha256(canonical_json(about)).hexdigest()

    def about(self, exclude_ids: Collection[str], seed: int) -> dict[str, object]:
        """What such a model comes from; it is kept in its `lethe.json`."""
        return {
            "recipe": self.training_data.recipe.to_json(),
            "manifest_digest": self.training_data.manifest_digest(exclude_ids),
            "tokenizer_snapshot": self.training_data.snapshot.info.digest,
            "seed": seed,
        }


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file; another process waits for it, and has it at once when this one ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_entry(entry: Path) -> TrainedModel | None:
    """The entry's model; None when there is none, or when it is damaged, which also clears it away."""
    if not entry.exists():
        return None
    try:
        if model_digest(entry / "model") == (entry / "digest").read_text():
            return read_model(entry / "model")
    except (OSError, SpecError):
        pass
    shutil.rmtree(entry)
    return None


def _write_entry(entry: Path, model: TrainedModel, about: dict[str, object]) -> None:
    draft = entry.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    save_model(model, draft / "model", about)
    (draft / "digest").write_text(model_digest(draft / "model"))
    draft.rename(entry)
