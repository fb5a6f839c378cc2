"""A job in progress: its inputs, the measurements it takes, and the models it trains and unlearns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from compliance.formats.results import Certificate

from .catalogue import method_guarantee
from .contracts import JobSpec, Progress, ProgressCallback
from .corpora import Snapshot
from .efficiency import Costs
from .evaluation.trajectory import MarginLog
from .methods import CertifiedMethod, Context, ExampleCounter, UnlearningMethod, make_method, unnoted
from .preparation import all_seeds, excluded_ids, job_protocol, unlearning_steps
from .training.cache import Trainer
from .training.loop import StepCallback
from .training.model import TrainedModel
from .training.vectorised import TrainingRun

PERCENT = 100
CHARTED = ("train", "unlearn")
"""Stages whose curves are shown: those of the production model."""


@dataclass
class RunningJob:
    """A job in progress, with the measurements taken so far."""

    spec: JobSpec
    out: Path
    on_progress: ProgressCallback
    trainer: Trainer
    seconds: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    margins: MarginLog = field(default_factory=MarginLog)
    """Margins of the forget examples while the production model unlearns them."""
    costs: Costs = field(init=False)

    def __post_init__(self) -> None:
        self.costs = Costs(self.trainer)

    @property
    def snapshot(self) -> Snapshot:
        """Return the snapshot of the corpus."""
        return self.trainer.training_data.snapshot

    @contextmanager
    def stage(self, name: str, parts: int = 1) -> Iterator[Callable[[int], ProgressCallback]]:
        """Time a stage of `parts` equal parts. Yields a function that returns the progress callback of a part."""
        start, total = time.monotonic(), parts * PERCENT
        self.on_progress(Progress(name, 0, total))

        def report(number: int, progress: Progress) -> None:
            done = number * PERCENT + PERCENT * progress.done // progress.total
            self.on_progress(Progress(name, done, total, progress.point if name in CHARTED else None))

        # The stage is timed only if it succeeds: a failed job has no result.
        yield lambda number: partial(report, number)
        self.on_progress(Progress(name, total, total))
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 3)

    def about_unlearned(self) -> dict[str, object]:
        """Describe what the unlearned model comes from, for its `lethe.json`. What an exact method made was trained here."""
        spec, method = self.spec, unlearning_steps(self.spec)[-1].method
        about = self.trainer.about(excluded_ids(spec), spec.seed)
        about |= {"method": method.to_json(), "spec_digest": spec.digest()}
        if spec.assurance != "reproduced" and method_guarantee(method.name) != "exact":
            about["assurance"] = spec.assurance
        return about

    def train(self, exclude_ids: Collection[str], seed: int, report: ProgressCallback) -> TrainedModel:
        """Train a model by the recipe, or take it from the cache."""
        return self.trainer.obtain(exclude_ids, seed, as_steps(report))

    def oracle(self, run: TrainingRun, report: ProgressCallback) -> TrainedModel:
        """Train a model that never sees any forget set, or take it from the cache."""
        return self.costs.retrain(run.exclude_ids, run.seed, as_steps(report), run.thinned_from)

    def models_of_look(self, look: int) -> tuple[tuple[int, ...], tuple[TrainingRun, ...]]:
        """Return the seeds of the replicates, and the oracles, by which a look is larger than the one before.

        The production model is there from the start, so its own oracle belongs to the first look.
        """
        spec, protocol, everything = self.spec, job_protocol(self.spec), excluded_ids(self.spec)
        unlearned, independent = (
            slice(count(look - 1) if look > 1 else 0, count(look))
            for count in (protocol.unlearned_at, protocol.independent_oracles_at)
        )
        seeds = (spec.seed, *protocol.replicate_seeds)[unlearned]
        if look > 1 and protocol.paired:
            independent = slice(0, 0)  # all of them belong to the first look
        pairs = tuple(TrainingRun(everything, seed, spec.exclude_ids) for seed in seeds) if protocol.paired else ()
        oracles = (*pairs, *(TrainingRun(everything, seed) for seed in protocol.oracle_seeds[independent]))
        return tuple(seed for seed in seeds if seed != spec.seed), oracles

    def with_curves(self, report: ProgressCallback) -> ProgressCallback:
        """Return the callback extended so that it keeps the points for the result's curves."""

        def keep_point(progress: Progress) -> None:
            if progress.point is not None:
                self.curves.setdefault(progress.point[0], []).append(progress.point[1:])
            report(progress)

        return keep_point

    def original(self, seed: int, report: ProgressCallback) -> TrainedModel:
        """Train a model like the production model, with any seed, and repeat the earlier unlearning steps on it."""
        model = self.train(self.spec.exclude_ids, seed, report)
        for number in range(len(self.spec.earlier)):
            model = self.apply(model, number, seed, report)
        return model

    def unlearn_production(self, model: TrainedModel, report: ProgressCallback) -> TrainedModel:
        """Unlearn the job's forget set from the production model, and measure its cost and trajectory."""
        with self.costs.unlearn():
            return self.apply(model, len(self.spec.earlier), self.spec.seed, report, measured=True)

    def apply(
        self, model: TrainedModel, number: int, seed: int, report: ProgressCallback, *, measured: bool = False
    ) -> TrainedModel:
        """Take one unlearning step by its number: an earlier one, or the job's own, which comes after them."""
        method = self._method(number)
        return method.unlearn(model, self.context(number, seed, measured=measured), report)

    def certificate(self, unlearned: TrainedModel) -> Certificate | None:
        """Return what the job's method certifies about the production model; None if the method is not certified.

        Raises:
            ObstacleError: the method cannot certify this model.
        """
        number = len(self.spec.earlier)
        method = self._method(number)
        if not isinstance(method, CertifiedMethod):
            return None
        return method.certificate(unlearned, self.context(number, self.spec.seed))

    def _method(self, number: int) -> UnlearningMethod:
        return make_method(unlearning_steps(self.spec)[number].method, self.spec.recipe)

    def context(self, number: int, seed: int, *, measured: bool = False) -> Context:
        """Return the context of an unlearning step for the model with this seed.

        With `measured`, it counts the step's cost and notes the margins of the forget examples.
        """
        step, exclude = unlearning_steps(self.spec)[number], excluded_ids(self.spec, number + 1)
        return Context(
            training_data=self.trainer.training_data,
            forget_ids=step.forget_ids,
            retain_ids=tuple(self.trainer.training_data.retained_ids(exclude)),
            exclude_ids=exclude,
            held_out_ids=tuple(e.id for e in self.snapshot.examples("held_out")),
            seed=seed,
            device=self.trainer.device,
            train=self.costs.train if measured else self.trainer.obtain,
            shared=self.trainer.cache / "shared",
            preparing=self.costs.prepare if measured else unnoted,
            earlier=self.spec.earlier[:number],
            taken_seeds=all_seeds(self.spec),
            counter=self.costs.counter if measured else ExampleCounter(),
            on_margins=self.margins.note if measured else None,
        )


def as_steps(report: ProgressCallback) -> StepCallback:
    """Return the callback of a training, which reports its steps and losses as progress."""

    def on_step(done: int, total: int, loss: float) -> None:
        report(Progress("train", done, total, None if math.isnan(loss) else ("loss", float(done), loss)))

    return on_step
