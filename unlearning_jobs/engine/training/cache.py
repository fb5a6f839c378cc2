"""A cache of trained models, keyed by what they were trained on, so that the oracles of one evaluation serve the next.

An entry is `<key>/model/` and `<key>/digest`. The key is the digest of the recipe, the manifest digest of the training set,
and the seed, so file names do not say what the training set held. A lock file per key makes a second process wait instead
of training the same model again. The lock ends with its process, and the next process goes on from the checkpoint beside
it. Models in shards share the folder `slices`, which holds the networks after each of their slices. Of an adapter, an entry
holds nothing that its checkpoint holds as well.
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

from .checkpoint import CHECKPOINT_SECONDS
from .loop import StepCallback
from .model import TrainedModel, read_model, save_model, to_device
from .train import train
from .training_data import TrainingData


@dataclass(frozen=True)
class Trainer:
    """Calls `train` and caches the result: each recipe, training set and seed is trained once."""

    training_data: TrainingData
    cache: Path
    device: torch.device
    checkpoint_seconds: float = CHECKPOINT_SECONDS

    def obtain(
        self,
        exclude_ids: Collection[str],
        seed: int,
        on_step: StepCallback,
        thinned_from: Collection[str] | None = None,
    ) -> TrainedModel:
        """Return the model trained without these examples, from the cache or trained now, on the trainer's device.

        Raises:
            as `train`.
        """
        about = self.about(exclude_ids, seed, thinned_from)
        entry = self._entry(about)
        self.cache.mkdir(parents=True, exist_ok=True)
        with locked(entry.with_suffix(".lock")):
            model = _read_entry(entry, self.training_data.family.base)
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
                    thinned_from=thinned_from,
                )
                _write_entry(entry, model, about)
                checkpoint.unlink(missing_ok=True)
            else:
                on_step(1, 1, float("nan"))
        to_device(model.network, self.device)
        return model

    @property
    def slices(self) -> Path:
        """The folder with the networks of shards after each slice."""
        return self.cache / "slices"

    def keep(
        self, model: TrainedModel, exclude_ids: Collection[str], seed: int, thinned_from: Collection[str] | None = None
    ) -> None:
        """Put a model into the cache that was trained elsewhere, in the same way as `obtain` trains it."""
        about = self.about(exclude_ids, seed, thinned_from)
        entry = self._entry(about)
        self.cache.mkdir(parents=True, exist_ok=True)
        with locked(entry.with_suffix(".lock")):
            if not entry.exists():
                _write_entry(entry, model, about)

    def discard(self, exclude_ids: Collection[str], seed: int) -> None:
        """Remove the model from the cache, if it is there: it is not what training gives here."""
        entry = self._entry(self.about(exclude_ids, seed))
        if entry.exists():
            with locked(entry.with_suffix(".lock")):
                shutil.rmtree(entry, ignore_errors=True)

    def has(self, exclude_ids: Collection[str], seed: int, thinned_from: Collection[str] | None = None) -> bool:
        """Say whether the model is in the cache."""
        return self._entry(self.about(exclude_ids, seed, thinned_from)).exists()

    def has_begun(self, exclude_ids: Collection[str], seed: int, thinned_from: Collection[str] | None = None) -> bool:
        """Say whether the model is in the cache, or has a checkpoint there."""
        entry = self._entry(self.about(exclude_ids, seed, thinned_from))
        return entry.exists() or entry.with_suffix(".checkpoint").exists()

    def _entry(self, about: dict[str, object]) -> Path:
        return self.cache / hashlib.sha256(canonical_json(about)).hexdigest()

    def about(
        self, exclude_ids: Collection[str], seed: int, thinned_from: Collection[str] | None = None
    ) -> dict[str, object]:
        """Describe what the model is trained from, for its key and its `lethe.json`."""
        data = self.training_data
        about: dict[str, object] = {
            "recipe": data.recipe.to_json(),
            "manifest_digest": data.manifest_digest(exclude_ids),
            "tokenizer_snapshot": data.snapshot.info.digest,
            "seed": seed,
        }
        return about if thinned_from is None else about | {"batches_of": data.manifest_digest(thinned_from)}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file. Another process waits for it, and gets it when this block or this process ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_entry(entry: Path, base: Path | None) -> TrainedModel | None:
    """Return the entry's model, or None if there is none. A damaged entry is deleted."""
    if not entry.exists():
        return None
    try:
        if model_digest(entry / "model") == (entry / "digest").read_text():
            return read_model(entry / "model", base)
    except (OSError, SpecError):
        pass
    shutil.rmtree(entry)
    return None


def _write_entry(entry: Path, model: TrainedModel, about: dict[str, object]) -> None:
    draft = entry.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    save_model(model, draft / "model", about, whole=False)
    (draft / "digest").write_text(model_digest(draft / "model"))
    draft.rename(entry)
