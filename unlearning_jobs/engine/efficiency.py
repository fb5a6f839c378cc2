"""What unlearning cost, and what training again costs: measured in the same run, on the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch

from .contracts.course import Efficiency, Preparation, Spent
from .methods import ExampleCounter, Prepared
from .training.cache import Trainer
from .training.loop import StepCallback
from .training.model import TrainedModel

UNKNOWN = "No oracle was trained in this run, so what retraining takes here is not known."
CACHED = "Models that the method asked for came from the cache, so its own cost is understated."
UNCOUNTED = "The method does not count the examples that it processes."
MILLISECONDS = 1000


def start_stopwatch(device: torch.device) -> Callable[[], Spent]:
    """Begin to time, once the device has done what it was given before. The function returned ends it and says the time."""
    if device.type != "cuda":
        began = time.monotonic()
        return lambda: Spent(time.monotonic() - began)
    stream = torch.cuda.current_stream(device)
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
    torch.cuda.synchronize(device)
    began = time.monotonic()
    first.record(stream)

    def stop() -> Spent:
        last.record(stream)
        torch.cuda.synchronize(device)
        return Spent(time.monotonic() - began, first.elapsed_time(last) / MILLISECONDS)

    return stop


@dataclass
class Costs:
    """What a job notes about its costs while it runs."""

    trainer: Trainer
    counter: ExampleCounter = field(default_factory=ExampleCounter)
    """Of the examples that unlearning the production model processes."""
    unlearning: Spent | None = None
    preparation: Preparation | None = None
    retrainings: list[Spent] = field(default_factory=list)
    from_cache: int = 0
    """Models that the method asked for and that were there already."""

    @contextmanager
    def unlearn(self) -> Iterator[None]:
        """Time the unlearning of the production model, without what is prepared meanwhile."""
        stop = start_stopwatch(self.trainer.device)
        yield
        spent = stop()
        if self.preparation is not None:
            spent = _without(spent, self.preparation.spent)
        self.unlearning = replace(spent, examples=self.counter.examples)

    @contextmanager
    def prepare(self) -> Iterator[Prepared]:
        """Time what a method prepares for all requests about the model version."""
        stop, prepared = start_stopwatch(self.trainer.device), Prepared()
        yield prepared
        self.preparation = Preparation(stop(), prepared.models, prepared.correlation)

    def train(self, exclude_ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
        """A model that the method asks for; what it processes counts as the method's."""
        known = self.trainer.has(exclude_ids, seed)
        model = self.trainer.obtain(exclude_ids, seed, on_step)
        self.from_cache += known
        self.counter.add(0 if known else self._examples(exclude_ids))
        return model

    def retrain(self, exclude_ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
        """An oracle, timed where its whole training happens now."""
        begun, stop = self.trainer.has_begun(exclude_ids, seed), start_stopwatch(self.trainer.device)
        model = self.trainer.obtain(exclude_ids, seed, on_step)
        if not begun:
            self.retrainings.append(replace(stop(), examples=self._examples(exclude_ids)))
        return model

    def _examples(self, exclude_ids: Collection[str]) -> float:
        return float(self.trainer.training_data.recipe.epochs * len(self.trainer.training_data.positions(exclude_ids)))

    def efficiency(self) -> Efficiency | None:
        """What was found; None before anything was unlearned."""
        if self.unlearning is None:
            return None
        mean = mean_spent(self.retrainings)
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
            preparation=self.preparation,
        )


def _without(whole: Spent, part: Spent) -> Spent:
    """The time that is left of a piece of work without one that was done meanwhile."""
    device = whole.device_seconds
    if device is not None:
        device -= part.device_seconds or 0.0
    return Spent(whole.wall_seconds - part.wall_seconds, device)


def mean_spent(parts: list[Spent]) -> Spent | None:
    """The mean of several pieces of work on the same device; None of none."""
    if not parts:
        return None
    device, examples = [s.device_seconds for s in parts], [s.examples for s in parts]
    return Spent(_mean([s.wall_seconds for s in parts]) or 0.0, _mean(device), _mean(examples))


def _mean(values: Collection[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def share(part: float | None, whole: float | None) -> float | None:
    """Part / whole; None where one is unknown or the whole is nothing."""
    return part / whole if part is not None and whole else None
