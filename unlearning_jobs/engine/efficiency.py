"""Measures the cost of unlearning and of retraining in the same run, on the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch

from .contracts import Efficiency, Preparation, ResourceUsage
from .methods import ExampleCounter, Prepared
from .training.cache import Trainer
from .training.loop import StepCallback
from .training.model import TrainedModel

UNKNOWN = "No oracle was trained in this run, so the cost of retraining here is not known."
CACHED = "Models that the method needed came from the cache, so its cost is understated."
UNCOUNTED = "The method does not count the examples that it processes."
MILLISECONDS = 1000


def start_stopwatch(device: torch.device) -> Callable[[], ResourceUsage]:
    """Start timing once the device has finished its earlier work. Call the returned function to stop and get the time."""
    if device.type != "cuda":
        start = time.monotonic()
        return lambda: ResourceUsage(time.monotonic() - start)
    stream = torch.cuda.current_stream(device)
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
    torch.cuda.synchronize(device)  # kernels run asynchronously: wait, so that earlier work does not count
    start = time.monotonic()
    first.record(stream)

    def stop() -> ResourceUsage:
        last.record(stream)
        torch.cuda.synchronize(device)
        return ResourceUsage(time.monotonic() - start, first.elapsed_time(last) / MILLISECONDS)

    return stop


@dataclass
class Costs:
    """Measures a job's costs while it runs."""

    trainer: Trainer
    counter: ExampleCounter = field(default_factory=ExampleCounter)
    """Counts the examples processed while the production model unlearns."""
    unlearning: ResourceUsage | None = None
    preparation: Preparation | None = None
    retrainings: list[ResourceUsage] = field(default_factory=list)
    from_cache: int = 0
    """Number of models that the method asked for and that were in the cache."""

    @contextmanager
    def unlearn(self) -> Iterator[None]:
        """Time the unlearning of the production model, without the preparation that happens during it."""
        stop = start_stopwatch(self.trainer.device)
        yield
        spent = stop()
        if self.preparation is not None:
            spent = _without(spent, self.preparation.spent)
        self.unlearning = replace(spent, examples=self.counter.examples)

    @contextmanager
    def prepare(self) -> Iterator[Prepared]:
        """Time what a method prepares once for all requests about the model version."""
        stop, prepared = start_stopwatch(self.trainer.device), Prepared()
        yield prepared
        self.preparation = Preparation(stop(), prepared.models, prepared.correlation)

    def train(self, exclude_ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
        """Train a model for the method; the examples processed count towards the method's cost."""
        cached = self.trainer.has(exclude_ids, seed)
        model = self.trainer.obtain(exclude_ids, seed, on_step)
        self.from_cache += cached
        self.counter.add(0 if cached else self._examples(exclude_ids))
        return model

    def retrain(
        self,
        exclude_ids: Collection[str],
        seed: int,
        on_step: StepCallback,
        thinned_from: Collection[str] | None = None,
    ) -> TrainedModel:
        """Train an oracle; its time counts only if all of its training happens now."""
        begun = self.trainer.has_begun(exclude_ids, seed, thinned_from)
        stop = start_stopwatch(self.trainer.device)
        model = self.trainer.obtain(exclude_ids, seed, on_step, thinned_from)
        if not begun:
            self.retrainings.append(replace(stop(), examples=self._examples(exclude_ids)))
        return model

    def _examples(self, exclude_ids: Collection[str]) -> float:
        return float(self.trainer.training_data.recipe.epochs * len(self.trainer.training_data.positions(exclude_ids)))

    def efficiency(self) -> Efficiency | None:
        """Return what was measured; None before anything was unlearned."""
        if self.unlearning is None:
            return None
        mean = mean_usage(self.retrainings)
        notes = ((mean is None, UNKNOWN), (self.from_cache > 0, CACHED), (self.counter.examples is None, UNCOUNTED))
        return Efficiency(
            unlearning=self.unlearning,
            retraining=mean,
            retrainings=len(self.retrainings),
            wall_share=share(self.unlearning.wall_seconds, mean.wall_seconds if mean else None),
            device_share=share(self.unlearning.device_seconds, mean.device_seconds if mean else None),
            examples_share=share(self.unlearning.examples, mean.examples if mean else None),
            note=" ".join(sentence for holds, sentence in notes if holds),
            from_cache=self.from_cache,
            micro_batch=self.counter.micro_batch,
            preparation=self.preparation,
        )


def _without(total: ResourceUsage, part: ResourceUsage) -> ResourceUsage:
    """Subtract the time of a part from the total."""
    device = total.device_seconds
    if device is not None:
        device -= part.device_seconds or 0.0
    return ResourceUsage(total.wall_seconds - part.wall_seconds, device)


def mean_usage(usages: list[ResourceUsage]) -> ResourceUsage | None:
    """Return the mean of several pieces of work on the same device; None if there are none."""
    if not usages:
        return None
    device, examples = [u.device_seconds for u in usages], [u.examples for u in usages]
    return ResourceUsage(_mean([u.wall_seconds for u in usages]) or 0.0, _mean(device), _mean(examples))


def _mean(values: Collection[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def share(part: float | None, total: float | None) -> float | None:
    """Return part / total; None if one is unknown or the total is zero."""
    return part / total if part is not None and total else None
