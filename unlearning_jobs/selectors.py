"""Reads about compute for other rooms: which methods can run, what an example says, what a job found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from .engine.artefacts import model_about
from .engine.catalogue import METHODS, Facts, MethodEntry, expected_cost, obstacles
from .engine.contracts import Evaluation, JobResult, Recipe, UnlearningStep
from .engine.corpora import Example
from .engine.corpora import Snapshot as SnapshotFiles
from .engine.errors import CorpusError
from .models import Job, ModelVersion, Snapshot
from .pictures import is_image, png


@dataclass(frozen=True)
class MethodOption:
    """A method as an officer sees it before choosing."""

    name: str
    title: str
    guarantee: str
    description: str
    source: str
    cost_share: float
    """Expected share of one retraining."""
    cost_seconds: float
    obstacles: tuple[str, ...]

    @property
    def can_run(self) -> bool:
        return not self.obstacles


def job_facts(base: ModelVersion, forget_count: int) -> Facts:
    recipe = Recipe.from_json(base.recipe.body)
    train = base.snapshot.counts.get("train", 0) - len(base.erased_ids)
    about = model_about(settings.ARTEFACTS / base.path)
    return Facts(
        recipe=recipe,
        forget=forget_count,
        retain=train - forget_count,
        held_out=base.snapshot.counts.get("held_out", 0),
        forgotten=len(base.erased_ids),
        trained_seconds=base.training_seconds,
        earlier=tuple(UnlearningStep.from_json(step) for step in base.steps),
        epsilon=about.get("privacy", {}).get("epsilon"),
        budget_spent=about.get("budget_spent", 0.0),
    )


def production_methods() -> dict[str, MethodEntry]:
    """The methods that may be chosen for a request."""
    return {name: entry for name, entry in METHODS.items() if entry.for_production}


def method_obstacles(method: str, base: ModelVersion, forget_count: int) -> list[str]:
    """Why `method` cannot run on this model and forget set; empty when it can."""
    if method not in METHODS:
        return [f"There is no method {method!r}."]
    if not METHODS[method].for_production:
        return [f"{METHODS[method].title} is there for benchmarks and cannot be chosen for a request."]
    return obstacles(method, job_facts(base, forget_count))


def method_options(base: ModelVersion, forget_count: int) -> list[MethodOption]:
    """Every method for requests with its guarantee, expected cost and obstacles, those that can run first."""
    facts = job_facts(base, forget_count)
    options = []
    for name, info in production_methods().items():
        share = expected_cost(name, facts)
        options.append(
            MethodOption(
                name=name,
                title=info.title,
                guarantee=info.guarantee,
                description=info.description,
                source=info.source,
                cost_share=share,
                cost_seconds=share * base.training_seconds,
                obstacles=tuple(obstacles(name, facts)),
            )
        )
    return sorted(options, key=lambda option: not option.can_run)


def examples_by_id(snapshot: Snapshot, record_ids: Iterable[str]) -> dict[str, Example]:
    """The examples themselves, for an officer's eyes.

    Jobs and searches check every line of the corpus; a page checks only that it opens the right snapshot.

    Raises:
        CorpusError: the snapshot is gone, or another one lies in its place.
    """
    return {example.id: example for example in _opened(snapshot).get(record_ids)}


def shows_images(snapshot: Snapshot) -> bool:
    """Whether the examples can be looked at; False also when the snapshot is gone."""
    try:
        return is_image(_opened(snapshot).info.features)
    except CorpusError:
        return False


def example_png(snapshot: Snapshot, record_id: str) -> bytes | None:
    """A picture of the example; None where examples are not images.

    Raises:
        CorpusError: as `examples_by_id`.
    """
    files = _opened(snapshot)
    [example] = files.get([record_id])
    form = files.info.features
    return png(example.features, form) if example.features and form and is_image(form) else None


def _opened(snapshot: Snapshot) -> SnapshotFiles:
    files = SnapshotFiles.open(settings.ARTEFACTS / snapshot.path)
    if files.info.digest != snapshot.digest:
        message = f"The folder {snapshot.path} holds another snapshot than the registered one."
        raise CorpusError(message)
    return files


def job_result(job: Job) -> JobResult | None:
    """What a completed job wrote; None before that, or when its folder is gone."""
    if not job.output:
        return None
    try:
        raw = (settings.ARTEFACTS / job.output / "result.json").read_bytes()
    except FileNotFoundError:
        return None
    return JobResult.from_json(json.loads(raw))


def job_evaluation(job: Job) -> Evaluation | None:
    result = job_result(job)
    return result.evaluation if result else None
