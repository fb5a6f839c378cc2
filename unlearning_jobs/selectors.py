"""Reads for the apps above: which methods can run and what they may cost, what an example says, what a job measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.db.models.fields.json import KT
from django.utils import timezone

from compliance.formats.protocol import ANNEXED
from compliance.formats.twins import too_few_twins

from .checkpoints import checkpoint_problem
from .engine.advisor import Advice, Forecast, Measurement, Precedent, Situation, advise, forecast, measure
from .engine.alternatives import with_alternatives
from .engine.artefacts import model_about, model_digest
from .engine.catalogue import METHODS, Facts, attack_problems, obstacles
from .engine.contracts import Assurance, JobSpec, MethodChoice, Precision, Protocol, Recipe, UnlearningStep
from .engine.contracts.placement import touched_share
from .engine.corpora import Example, Snapshot, SnapshotInfo
from .engine.errors import CorpusError, SpecError
from .engine.matching.image_pixels import is_image
from .models import CanaryDraw, CorpusSnapshot, Job, ModelVersion
from .pictures import png
from .states import JobState, ModelState

MOST_PLACED = 100_000
"""Training examples of a corpus that is read to see in which stages some of them are: reading more keeps a page waiting."""
MOST_MEASURED = 100
"""How many of the newest completed jobs a forecast learns from."""


def job_facts(base: ModelVersion, forget_ids: Collection[str]) -> Facts:
    """Return what is known of a job before it runs, including what the folders of the model and of the corpus tell."""
    about = model_about(settings.ARTEFACTS / base.path)
    epsilon, spent = about.get("privacy", {}).get("epsilon"), about.get("budget_spent", 0.0)
    elsewhere = known_erased(base).difference(forget_ids)
    facts = _facts_in_rows(base, len(forget_ids), len(elsewhere))
    with suppress(CorpusError):  # while the folder of the corpus is away, it is not known
        facts = with_alternatives(facts, snapshot_files(base.snapshot).get(forget_ids))
        facts = replace(facts, touched=_touched(base, facts.recipe, forget_ids, elsewhere))
    problem = checkpoint_problem(base.checkpoint) if base.checkpoint else ""
    return replace(facts, epsilon=epsilon, budget_spent=spent, untrainable=problem)


def _touched(base: ModelVersion, recipe: Recipe, forget_ids: Collection[str], elsewhere: Collection[str]) -> float | None:
    """Return the share of a training in the stages that saw these examples; None without stages, or of a large corpus."""
    if recipe.sharding is None or base.snapshot.counts.get("train", 0) > MOST_PLACED:
        return None
    ids = [example.id for example in snapshot_files(base.snapshot).examples("train")]
    return touched_share(recipe.sharding, recipe.epochs, ids, forget_ids, (*base.left_out, *base.erased_ids, *elsewhere))


def held_out_accuracies(base: ModelVersion) -> dict[str, float]:
    """Return what the training of a model in stages measured on held-out examples, by the way its shards answer together.

    The only one of a model with one shard is named by the empty string. Empty if nothing was measured.
    """
    costs = Job.objects.filter(result_version=trained_first(base)).values_list("costs", flat=True).first() or {}
    return dict(costs.get("accuracies", {}))


def _facts_in_rows(base: ModelVersion, forget_count: int, erased_elsewhere: int) -> Facts:
    gone = len(base.left_out) + len(base.erased_ids) + erased_elsewhere
    return Facts(
        recipe=Recipe.from_json(base.recipe.body),
        forget=forget_count,
        retain=base.snapshot.counts.get("train", 0) - gone - forget_count,
        held_out=base.snapshot.counts.get("held_out", 0),
        forgotten=len(base.erased_ids),
        trained_seconds=base.training_seconds,
        earlier=tuple(UnlearningStep.from_json(step) for step in base.steps),
        erased_elsewhere=erased_elsewhere,
        assurance=cast("Assurance", base.assurance),
    )


def method_obstacles(method: str, base: ModelVersion, forget_ids: Collection[str]) -> list[str]:
    """Return the reasons why `method` cannot run on this model and forget set; empty when it can."""
    if method not in METHODS:
        return [f"There is no method {method!r}."]
    if not METHODS[method].for_production:
        return [f"{METHODS[method].title} is there for benchmarks and cannot be chosen for a request."]
    return obstacles(method, job_facts(base, forget_ids))


def twins_obstacle(protocol: Protocol, base: ModelVersion, forget_ids: Collection[str]) -> str:
    """Return why a comparison with held-out examples alone could show nothing; empty if it could, or is not what is done."""
    if protocol.has_oracles or not base.snapshot.counts.get("held_out"):  # then the protocol itself is refused
        return ""
    return too_few_twins(len(forget_ids), min(base.snapshot.counts.get("held_out", 0), protocol.max_held_out_examples))


def attacks_obstacles(protocol: Protocol, base: ModelVersion, forget_ids: Collection[str]) -> list[str]:
    """Return why the attacks of the protocol cannot be carried out on this model and forget set; empty when they can."""
    return attack_problems(protocol, job_facts(base, forget_ids)) if protocol.all_attacks else []


def proposal_situation(
    base: ModelVersion, forget_ids: Collection[str], *, annex: Protocol, measured: Protocol, until: datetime | None
) -> Situation:
    """Describe a job on this model to the advisor: due by `until`, on the device where the last job ran.

    Of the protocols, for methods with and without evidence besides measurements, the sizes and the attacks count.
    """
    latest = Job.objects.filter(state=JobState.COMPLETED).exclude(costs={}).order_by("-finished_at")
    return Situation(
        facts=job_facts(base, forget_ids),
        annex=annex,
        measured=measured,
        trained_on=base.training_device,
        device=latest.values_list("costs__device", flat=True).first() or "",
        seconds_left=(until - timezone.now()).total_seconds() if until else None,
    )


def method_advice(situation: Situation) -> tuple[Advice, ...]:
    """Return every method for requests in the advisor's order, with forecasts from completed jobs on the same family."""
    return advise(situation, measurements(situation.facts.recipe.family))


def method_forecast(method: MethodChoice, situation: Situation) -> Forecast | None:
    """Return what the method with its settings may cost; None if the method, or one of its settings, has been removed."""
    learned = measurements(situation.facts.recipe.family)
    try:
        return forecast(method.name, situation, learned, config=method.config)
    except SpecError:
        return None


def measurements(family: str) -> list[Measurement]:
    """Return the costs of the newest completed jobs on models of this family, relative to what was expected."""
    jobs = Job.objects.filter(kind=Job.Kind.UNLEARN, state=JobState.COMPLETED, recipe__body__family=family)
    rows = jobs.exclude(costs={}).select_related("base__snapshot", "base__recipe").defer("curves")[:MOST_MEASURED]
    return [measurement for job in rows if (measurement := _measured(job))]


def _measured(job: Job) -> Measurement | None:
    spec = JobSpec.from_json(job.spec)
    if job.base is None or spec.method is None or spec.protocol is None:
        return None
    situation = Situation(
        facts=_facts_in_rows(job.base, len(spec.forget_ids), len(spec.erased_ids)),
        annex=spec.protocol,
        measured=spec.protocol,
        trained_on=job.base.training_device,
        device=job.costs.get("device", ""),
    )
    seconds = {name: job.costs.get(name) for name in ("unlearning_seconds", "evaluation_seconds")}
    try:
        return measure(spec.method.name, spec.method.config, situation, look=job.costs.get("look", 1), **seconds)
    except SpecError:  # the method, or one of its settings, has been removed since
        return None


def trained_first(version: ModelVersion) -> ModelVersion:
    """Return the version that was trained or imported, and from which this one was unlearned; itself, if nothing was."""
    while version.parent is not None:
        version = version.parent
    return version


def draw_of(version: ModelVersion) -> CanaryDraw | None:
    """Return the draw of canaries that a version goes back to; None if it was trained without."""
    return CanaryDraw.objects.filter(job__result_version=trained_first(version)).select_related("snapshot").first()


def draw_of_job(job: Job) -> CanaryDraw | None:
    """Return the draw of canaries to which the version that a job makes goes back."""
    return draw_of(job.base) if job.base else CanaryDraw.objects.filter(job=job).first()


def never_learned(snapshot: CorpusSnapshot, left_out: Iterable[str]) -> frozenset[str]:
    """Return what a training left out although nothing had erased it: the other half of its canaries."""
    ids = frozenset(left_out)
    return ids - snapshot.erased_ids if ids else ids


def known_erased(version: ModelVersion) -> frozenset[str]:
    """Return the erased examples that a version may still know: it was trained on them and has not unlearned them."""
    return version.snapshot.erased_ids - set(version.left_out) - set(version.erased_ids)


def erased_since(job: Job) -> frozenset[str]:
    """Return the erased examples that a job would use, because they were erased after it was created."""
    spec = JobSpec.from_json(job.spec)
    handled = {*spec.exclude_ids, *spec.erased_ids, *spec.forget_ids}
    handled.update(example_id for step in spec.earlier for example_id in step.forget_ids)
    return job.snapshot.erased_ids - handled


def precedents(model_name: str) -> list[Precedent]:
    """Return what the newest completed jobs on versions of this model say about the next one."""
    jobs = Job.objects.filter(kind=Job.Kind.UNLEARN, state=JobState.COMPLETED, model_name=model_name)
    rows = jobs.annotate(method=KT("spec__method__name")).values_list("method", "verdict", "costs")
    return [_precedent(method, verdict, costs) for method, verdict, costs in rows.order_by("-finished_at")[:MOST_MEASURED]]


def _precedent(method: str, verdict: str, costs: dict[str, Any]) -> Precedent:
    is_annexed = method in METHODS and METHODS[method].guarantee in ANNEXED
    precision = Precision.from_json(costs["precision"]) if costs.get("precision") else None
    return Precedent(
        decided=None if is_annexed else verdict != "inconclusive",
        spread=precision.spread if precision else None,
        saved_by_pairs=precision.saved_by_pairs if precision else None,
    )


def examples_by_id(snapshot: CorpusSnapshot, example_ids: Iterable[str]) -> dict[str, Example]:
    """Return the examples themselves, to show them to an officer.

    Jobs and searches check every line of the corpus; this checks only that the right snapshot is opened.

    Raises:
        CorpusError: the snapshot is gone, or another one lies in its place.
    """
    return {example.id: example for example in snapshot_files(snapshot).get(example_ids)}


def snapshot_info(snapshot: CorpusSnapshot) -> SnapshotInfo:
    """Return what the snapshot's own files say of it: what it was made from, and how that was read.

    Raises:
        CorpusError: as `examples_by_id`, or its numbers contradict each other.
    """
    return snapshot_files(snapshot).info


def shows_images(snapshot: CorpusSnapshot) -> bool:
    """Return whether the examples are images; False also when the snapshot is gone."""
    try:
        return is_image(snapshot_files(snapshot).info.features)
    except CorpusError:
        return False


def example_png(snapshot: CorpusSnapshot, example_id: str) -> bytes | None:
    """Return a picture of the example as PNG, or None when examples are not images.

    Raises:
        CorpusError: as `examples_by_id`.
    """
    files = snapshot_files(snapshot)
    [example] = files.get([example_id])
    form = files.info.features
    return png(example.features, form) if example.features and form and is_image(form) else None


def snapshot_files(snapshot: CorpusSnapshot) -> Snapshot:
    """Open a snapshot to show it. Its digest is compared, its content is not checked against that.

    Raises:
        CorpusError: the snapshot is gone, or another one lies in its place.
    """
    files = Snapshot.open(settings.ARTEFACTS / snapshot.path)
    if files.info.digest != snapshot.digest:
        message = f"The folder {snapshot.path} does not hold the registered snapshot. Restore it from a backup."
        raise CorpusError(message)
    return files


def is_intact(version: ModelVersion) -> bool:
    """Return whether the version's files are those that its job left: every one is read."""
    try:
        return model_digest(settings.ARTEFACTS / version.path) == version.digest
    except (OSError, SpecError):
        return False


def answers_destroyed(job: Job) -> list[ModelVersion]:
    """Return the model versions that gave answers in this job and are destroyed, or being so: the answers went with them."""
    gone = (ModelState.DESTROYING, ModelState.DESTROYED)
    return [version for version in (job.base, job.result_version) if version and version.state in gone]
