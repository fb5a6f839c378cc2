"""Measures one subject on one forget set: margins of the oracles, of the originals, and of the unlearned models."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from unlearning_jobs.engine.catalogue import METHODS, Facts, obstacles, preparation_cost
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.methods import CertifiedMethod, Context, Prepared, UnlearningMethod, make_method
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import margins_of

from .forget_sets import SETS, Task, sets_of
from .models import DEVICE, FLOOR, ORACLES, ORIGINALS, Models
from .results import Arrays, ResultStore

Train = Callable[[Collection[str], int, StepCallback], TrainedModel]
RETRAIN: Final = "retrain"
"""The unit of costs. Its models are trained together, which gives the same up to rounding in a seventh of the time."""


@dataclass(frozen=True)
class Trial:
    """The models of one subject, and one forget set. All margins are stored on disk."""

    models: Models
    task: Task
    results: ResultStore

    @cached_property
    def sets(self) -> Mapping[str, Dataset]:
        return sets_of(self.task, self.models.training_data)

    @cached_property
    def facts(self) -> Facts:
        forget = len(self.task.forget)
        held_out, recipe = len(self.task.held_out_ids), self.models.subject.recipe
        epsilon = None
        if recipe.privacy is not None:
            from unlearning_jobs.engine.training.private import privacy_loss  # Opacus takes a while to load

            epsilon = privacy_loss(recipe, self.task.training).epsilon
        return Facts(recipe, forget=forget, retain=self.task.training - forget, held_out=held_out, epsilon=epsilon)

    def methods(self) -> Iterator[str]:
        """Yield the subject's methods; if it names none, all that can run here and may be chosen for a request."""
        if self.models.subject.methods is not None:
            yield from self.models.subject.methods
            return
        for name, entry in METHODS.items():
            if entry.for_production and entry.guarantee != "control" and not self.obstacles(name):
                yield name

    def obstacles(self, method: str) -> list[str]:
        return obstacles(method, self.facts, self.models.subject.choice(method).config)

    def oracles(self) -> Arrays:
        return self._trained("oracles", ORACLES)

    def floor(self) -> Arrays:
        """Return the margins of the further oracles, which give the noise floor."""
        return self._trained("floor", FLOOR)

    def originals(self) -> Arrays:
        return self._stored("originals", self.about(), lambda: self.measure(self.models.originals))

    def unlearned(self, method: str) -> Arrays:
        """Return the margins of the unlearned originals; `certified` says of each whether the method's promise holds."""
        return self._stored(method, self.about_method(method), lambda: self._unlearn(method))

    def refusal(self, method: str) -> str:
        """Return why a certified method promises nothing for the first original and this forget set; empty if it does."""
        certified = self._make(method)
        if not isinstance(certified, CertifiedMethod):
            return ""

        def reason() -> dict[str, str]:
            context = self.context(ORIGINALS, self.models.train_one)
            unlearned = certified.unlearn(self.models.originals[0], context, lambda _: None)
            return {"reason": _refusal(certified, unlearned, context)}

        return str(self.results.numbers(f"refusal-{method}", self.about_method(method), reason)["reason"])

    def preparation(self, method: str) -> dict[str, float]:
        """Return seconds, models and correlation of what the method prepares once for all forget sets; empty if nothing."""
        if not preparation_cost(method, self.facts, self.models.subject.choice(method).config):
            return {}
        about = {name: value for name, value in self.about_method(method).items() if name != "forget"}

        def prepared() -> dict[str, float]:
            preparation, seconds = Prepared(), list[float]()

            @contextmanager
            def preparing() -> Iterator[Prepared]:
                start = time.monotonic()
                yield preparation
                seconds.append(time.monotonic() - start)

            context = replace(self.context(ORIGINALS, self.models.train_one), preparing=preparing)
            self._make(method).unlearn(self.models.originals[0], context, lambda _: None)
            return {"seconds": sum(seconds), "models": preparation.models, "correlation": preparation.correlation}

        return self.results.numbers(f"preparation-{method}", about, prepared)

    def about(self) -> dict[str, Any]:
        """Return everything that a margin depends on, except the code and the model that is measured."""
        models = self.models.subject.models
        return {
            "recipe": self.models.subject.recipe.to_json(),
            "snapshot": self.task.snapshot.info.digest,
            "forget": list(self.task.forget),
            "models": models,
            "seeds": [ORIGINALS, ORACLES, FLOOR],
        }

    def about_method(self, method: str) -> dict[str, Any]:
        """Return the same for an unlearned model, which depends on the method's configuration too."""
        return {**self.about(), "config": self.models.subject.choice(method).config}

    def measure(self, models: Sequence[TrainedModel]) -> Arrays:
        """Return the margins by set, and under `<set>_right` whether predictions are right: (models, examples) each."""
        arrays: Arrays = {}
        for name in SETS:
            columns = zip(*(_margins_and_right(model, self.sets[name]) for model in models), strict=True)
            arrays[name], arrays[f"{name}_right"] = (np.stack(column) for column in columns)
        return arrays

    def context(self, seed: int, train: Train) -> Context:
        """Return the context that a method gets for the original with this seed."""
        ids, subject = self.task.forget_ids, self.models.subject
        return Context(
            training_data=self.models.training_data,
            forget_ids=ids,
            retain_ids=tuple(self.models.training_data.retained_ids(ids)),
            exclude_ids=ids,
            held_out_ids=self.task.held_out_ids,
            seed=seed,
            device=DEVICE,
            train=train,
            shared=self.models.shared,
            taken_seeds=frozenset(s for first in (ORIGINALS, ORACLES, FLOOR) for s in subject.seeds(first)),
        )

    def _make(self, method: str) -> UnlearningMethod:
        return make_method(self.models.subject.choice(method))

    def _unlearn(self, name: str) -> Arrays:
        method, seeds = self._make(name), self.models.subject.seeds(ORIGINALS)
        trained: dict[int, TrainedModel] = {}  # for `retrain`, whose models are trained together beforehand
        if name == RETRAIN:
            trained = dict(zip(seeds, self.models.train(self.task.forget_ids, seeds), strict=True))

        def train(ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
            return trained[seed] if trained else self.models.train_one(ids, seed, on_step)

        unlearned, certified = [], []
        for model, seed in zip(self.models.originals, seeds, strict=True):
            context = self.context(seed, train)
            unlearned.append(method.unlearn(model, context, lambda _: None))
            if isinstance(method, CertifiedMethod):
                certified.append(not _refusal(method, unlearned[-1], context))
        arrays = self.measure(unlearned)
        return arrays | {"certified": np.array(certified, dtype=np.float64)} if certified else arrays

    def _trained(self, name: str, first: int) -> Arrays:
        seeds = self.models.subject.seeds(first)
        return self._stored(name, self.about(), lambda: self.measure(self.models.train(self.task.forget_ids, seeds)))

    def _stored(self, name: str, about: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        def announced() -> Arrays:
            sys.stderr.write(f"  {self.models.subject.title}, {self.task.name}: {name} ...\n")
            return make()

        return self.results.arrays(name, about, announced)


def _refusal(method: CertifiedMethod, unlearned: TrainedModel, context: Context) -> str:
    try:
        method.certificate(unlearned, context)
    except ObstacleError as error:
        return str(error)
    return ""


def _margins_and_right(model: TrainedModel, data: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return every example's margin, and whether its class is ranked first: (examples,) each."""
    with torch.inference_mode():
        predictions = model.family.predict(model.network, data.batch(range(len(data)), DEVICE))
    right = (predictions.logits.argmax(-1) == predictions.labels).double()
    return margins_of(predictions).double().cpu().numpy(), right.cpu().numpy()
