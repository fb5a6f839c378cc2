"""A job in progress: what it works on, what it notes on the way, and the models it makes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from .contracts import JobSpec, Progress, ProgressCallback
from .contracts.privacy import Certificate
from .corpora import Snapshot
from .efficiency import Costs
from .evaluation.trajectory import MarginLog
from .methods import CertifiedMethod, Context, ExampleCounter, UnlearningMethod, make_method, unnoted
from .preparation import all_seeds, excluded_ids, unlearning_steps
from .training.cache import Trainer
from .training.loop import StepCallback
from .training.model import TrainedModel

PERCENT = 100
CHARTED = ("train", "unlearn")
"""Stages about the production model alone; the curves of replicates and oracles are not shown."""


@dataclass
class RunningJob:
    """A job in progress: what it works on, and what it notes on the way."""

    spec: JobSpec
    out: Path
    on_progress: ProgressCallback
    trainer: Trainer
    seconds: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    margins: MarginLog = field(default_factory=MarginLog)
    """Of the production model's examples to forget, while it unlearns them."""
    costs: Costs = field(init=False)

    def __post_init__(self) -> None:
        self.costs = Costs(self.trainer)

    @property
    def snapshot(self) -> Snapshot:
        """The corpus."""
        return self.trainer.training_data.snapshot

    @contextmanager
    def stage(self, name: str, parts: int = 1) -> Iterator[Callable[[int], ProgressCallback]]:
        """A stage of so many equal parts, timed. Yields what makes the callback of a part."""
        began, total = time.monotonic(), parts * PERCENT
        self.on_progress(Progress(name, 0, total))

        def report(number: int, progress: Progress) -> None:
            done = number * PERCENT + PERCENT * progress.done // progress.total
            self.on_progress(Progress(name, done, total, progress.point if name in CHARTED else None))

        yield lambda number: partial(report, number)
        self.on_progress(Progress(name, total, total))
        self.seconds[name] = round(time.monotonic() - began, 3)

    def train(self, exclude_ids: Collection[str], seed: int, report: ProgressCallback) -> TrainedModel:
        """A model by the recipe; from the cache where it is there."""
        return self.trainer.obtain(exclude_ids, seed, _as_steps(report))

    def oracle(self, seed: int, report: ProgressCallback) -> TrainedModel:
        """A model that has seen nothing of what is forgotten; from the cache where it is there."""
        return self.costs.retrain(excluded_ids(self.spec), seed, _as_steps(report))

    def noting(self, report: ProgressCallback) -> ProgressCallback:
        """The callback, with its points kept for the result's curves."""

        def note(progress: Progress) -> None:
            if progress.point is not None:
                self.curves.setdefault(progress.point[0], []).append(progress.point[1:])
            report(progress)

        return note

    def original(self, seed: int, report: ProgressCallback) -> TrainedModel:
        """A model like the production model, of any seed: trained, then unlearned as that one was before."""
        model = self.train(self.spec.exclude_ids, seed, report)
        for number in range(len(self.spec.earlier)):
            model = self.apply(model, number, seed, report)
        return model

    def unlearn_production(self, model: TrainedModel, report: ProgressCallback) -> TrainedModel:
        """Unlearn the job's own forget set from the production model: timed, and followed example by example."""
        with self.costs.unlearn():
            return self.apply(model, len(self.spec.earlier), self.spec.seed, report, watched=True)

    def apply(
        self, model: TrainedModel, number: int, seed: int, report: ProgressCallback, *, watched: bool = False
    ) -> TrainedModel:
        """Take one unlearning step: an earlier one by its number, or the job's own, which comes after them."""
        method = self._method(number)
        return method.unlearn(model, self.context(number, seed, watched=watched), report)

    def certificate(self, unlearned: TrainedModel) -> Certificate | None:
        """What the job's own method promises of the production model; None for methods that promise nothing in numbers.

        Raises:
            ObstacleError: it can promise nothing.
        """
        own = len(self.spec.earlier)
        method = self._method(own)
        return (
            method.certificate(unlearned, self.context(own, self.spec.seed)) if isinstance(method, CertifiedMethod) else None
        )

    def _method(self, number: int) -> UnlearningMethod:
        return make_method(unlearning_steps(self.spec)[number].method, self.spec.recipe.family)

    def context(self, number: int, seed: int, *, watched: bool = False) -> Context:
        """The task of one unlearning step, on the model of this seed; watched: timed, and followed example by example."""
        step, exclude = unlearning_steps(self.spec)[number], excluded_ids(self.spec, number + 1)
        return Context(
            training_data=self.trainer.training_data,
            forget_ids=step.forget_ids,
            retain_ids=tuple(self.trainer.training_data.retained_ids(exclude)),
            exclude_ids=exclude,
            held_out_ids=tuple(e.id for e in self.snapshot.examples("held_out")),
            seed=seed,
            device=self.trainer.device,
            train=self.costs.train if watched else self.trainer.obtain,
            shared=self.trainer.cache / "shared",
            preparing=self.costs.prepare if watched else unnoted,
            earlier=self.spec.earlier[:number],
            taken_seeds=all_seeds(self.spec),
            counter=self.costs.counter if watched else ExampleCounter(),
            on_margins=self.margins.note if watched else None,
        )


def _as_steps(report: ProgressCallback) -> StepCallback:
    def on_step(done: int, total: int, loss: float) -> None:
        report(Progress("train", done, total, None if math.isnan(loss) else ("loss", float(done), loss)))

    return on_step
