"""The engine's door: `run(spec, out, on_progress)` does one job and leaves its result in a folder.

model/                      the trained or unlearned model
outputs/examples.parquet    statistics per model, example and set, from which every number of the evaluation follows
outputs/trajectory.parquet  margins of the examples to forget over the run, of methods that go step by step
result.json                 the JobResult; written last and at once, so that a folder which has it is complete
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .artefacts import file_digest, model_digest
from .contracts import Curve, Evaluation, JobResult, JobSpec, Progress, ProgressCallback, Protocol
from .contracts.course import Trajectory
from .contracts.privacy import Certificate
from .corpora import Example, Snapshot
from .environment import describe_environment
from .errors import SpecError
from .evaluation.evaluate import evaluate
from .evaluation.outputs import Group, ModelKey, Outputs
from .evaluation.statistics import STATISTICS, measure
from .evaluation.trajectory import trace
from .json_contract import canonical_json
from .preparation import check_unlearning, excluded_ids, job_protocol, unlearning_steps
from .running import PERCENT, RunningJob
from .training.cache import Trainer
from .training.device import check_memory, choose_device
from .training.ensemble import is_worthwhile, train_ensemble
from .training.model import TrainedModel, load_model, save_model, to_device
from .training.sharded import aggregation_accuracies, shard_networks
from .training.training_data import TrainingData
from .training.vectorised import TrainingRun

UNLEARNING_COPIES = 6
"""Sets of parameters held while unlearning: original, result, gradients, two moments, and one to spare."""


def run(spec: JobSpec, out: Path, on_progress: ProgressCallback) -> JobResult:
    """Do the job and leave its result in the folder `out`.

    Raises:
        EngineError: the job cannot be done; the message says why and what to do. Most reasons are found before any work.
    """
    if (out / "result.json").exists():
        message = f"The folder {out.name} already holds a result; choose another one."
        raise SpecError(message)
    snapshot = Snapshot.open(spec.snapshot.path, spec.snapshot.digest)
    training_data, device = TrainingData.prepare(spec.recipe, snapshot), choose_device(spec.device)
    if spec.kind == "unlearn":
        check_unlearning(spec, snapshot)
        networks = spec.recipe.sharding.networks if spec.recipe.sharding else 1
        check_memory(training_data.footprint, device, copies=UNLEARNING_COPIES * networks)
    for leftover in ("model", "outputs"):  # of an attempt that was killed
        shutil.rmtree(out / leftover, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    job = RunningJob(spec, out, on_progress, Trainer(training_data, Path(spec.cache), device))
    return _train(job) if spec.kind == "train" else _unlearn(job)


def _train(job: RunningJob) -> JobResult:
    spec = job.spec
    with job.stage("train") as part:
        model = job.train(spec.exclude_ids, spec.seed, job.noting(part(0)))
    with job.stage("evaluate"):
        ids = job.trainer.training_data.retained_ids(spec.exclude_ids)
        outputs, key = Outputs(), ModelKey("original", spec.seed)
        outputs.add(key, "train", ids, measure(model, job.snapshot.get(ids), everything=False))
        means = {name: float(outputs.one(key, "train", name).mean()) for name in STATISTICS}
        metrics = {name: mean for name, mean in means.items() if not math.isnan(mean)}
        metrics |= _accuracies_of_shards(job)
        if model.privacy is not None:
            metrics |= {"epsilon": model.privacy.epsilon, "delta": model.privacy.delta}
    save_model(model, job.out / "model", job.trainer.about(spec.exclude_ids, spec.seed))
    return _finish(job, outputs, metrics=metrics)


def _accuracies_of_shards(job: RunningJob) -> dict[str, float]:
    """For a model in shards: held-out accuracy by way of aggregation, so that what merging costs is seen."""
    trainer, held_out = job.trainer, list(job.snapshot.examples("held_out"))
    if trainer.training_data.recipe.sharding is None or not held_out:
        return {}
    networks = shard_networks(
        trainer.training_data,
        job.spec.exclude_ids,
        job.spec.seed,
        device=trainer.device,
        on_step=lambda *_: None,
        slices=trainer.slices,
    )
    found = aggregation_accuracies(networks, trainer.training_data, trainer.training_data.family.encode(held_out))
    return {f"held_out_accuracy_{aggregation}": accuracy for aggregation, accuracy in found.items()}


def _unlearn(job: RunningJob) -> JobResult:
    """The production model first, so that its curves are seen at once; then its replicates, then the oracles."""
    spec, protocol, own = job.spec, job_protocol(job.spec), len(job.spec.earlier)
    outputs, sets = Outputs(), _evaluation_sets(job, protocol)

    def note(group: Group, seed: int, model: TrainedModel, *, everything: bool) -> None:
        for name, examples in sets.items():
            rows = measure(model, examples, everything=everything)
            outputs.add(ModelKey(group, seed), name, [e.id for e in examples], rows)

    with job.stage("load") as part:
        production = load_model(spec.model) if spec.model else job.original(spec.seed, part(0))
        to_device(production.network, job.trainer.device)
        note("original", spec.seed, production, everything=True)
    with job.stage("unlearn") as part:
        unlearned = job.unlearn_production(production, job.noting(part(0)))
        certificate = job.certificate(unlearned)
        note("unlearned", spec.seed, unlearned, everything=True)
    _train_side_by_side(job, protocol)
    with job.stage("replicates", 2 * len(protocol.replicate_seeds)) as part:
        for i, seed in enumerate(protocol.replicate_seeds):
            replicate = job.original(seed, part(2 * i))
            note("original", seed, replicate, everything=False)
            note("unlearned", seed, job.apply(replicate, own, seed, part(2 * i + 1)), everything=False)
    with job.stage("oracles", len(protocol.oracle_seeds)) as part:
        for i, seed in enumerate(protocol.oracle_seeds):
            note("oracle", seed, job.oracle(seed, part(i)), everything=True)
    method = unlearning_steps(spec)[-1].method
    with job.stage("evaluate"):
        evaluation = evaluate(outputs, protocol, method.name, spec.recipe.family)
    about = {**job.trainer.about(excluded_ids(spec), spec.seed), "method": method.to_json(), "spec_digest": spec.digest()}
    save_model(unlearned, job.out / "model", about)
    return _finish(job, outputs, evaluation=evaluation, certificate=certificate)


def _train_side_by_side(job: RunningJob, protocol: Protocol) -> None:
    """Train the replicates' originals and the oracles together into the cache, where that is faster than one by one."""
    spec = job.spec
    runs = [TrainingRun(spec.exclude_ids, seed) for seed in protocol.replicate_seeds]
    runs += [TrainingRun(excluded_ids(spec), seed) for seed in protocol.oracle_seeds]
    if is_worthwhile(job.trainer, runs):
        with job.stage("ensemble", len(runs)) as part:
            first = len(protocol.replicate_seeds)
            job.oracle(protocol.oracle_seeds[0], part(0))  # alone, so that it is known what one training takes
            done = [float(index == first) for index in range(len(runs))]

            def on_model(index: int, steps: int, total: int) -> None:
                done[index] = steps / total
                part(int(sum(done)))(Progress("ensemble", int(PERCENT * (sum(done) % 1)), PERCENT))

            train_ensemble(job.trainer, runs, on_model)


def _evaluation_sets(job: RunningJob, protocol: Protocol) -> dict[str, list[Example]]:
    """Forget set, samples of retain and held-out examples drawn by the protocol's seed, and the snapshot's extra sets."""
    rng = np.random.default_rng(protocol.sample_seed)

    def sample(ids: list[str], most: int) -> list[Example]:
        return job.snapshot.get(sorted(ids if len(ids) <= most else rng.choice(ids, most, replace=False).tolist()))

    retain = job.trainer.training_data.retained_ids(excluded_ids(job.spec))
    sets = {
        "forget": job.snapshot.get(sorted(job.spec.forget_ids)),
        "retain": sample(retain, protocol.max_retain_examples),
        "held_out": sample([e.id for e in job.snapshot.examples("held_out")], protocol.max_held_out_examples),
    }
    for name in job.snapshot.info.counts:
        if name not in ("train", "held_out"):
            sets[name] = list(job.snapshot.examples(name))
    return {name: examples for name, examples in sets.items() if examples}


def _finish(
    job: RunningJob,
    outputs: Outputs,
    *,
    metrics: Mapping[str, float] | None = None,
    evaluation: Evaluation | None = None,
    certificate: Certificate | None = None,
) -> JobResult:
    """Write the outputs and, last and at once, the result."""
    spec, out = job.spec, job.out
    known = job.trainer.training_data.retained_ids(excluded_ids(spec))
    outputs.write(out / "outputs" / "examples.parquet")
    if job.margins:
        job.margins.write(out / "outputs" / "trajectory.parquet")
    files = [f for folder in ("model", "outputs") for f in sorted((out / folder).rglob("*")) if f.is_file()]
    result = JobResult(
        kind=spec.kind,
        reference=spec.reference,
        spec_digest=spec.digest(),
        model_digest=model_digest(out / "model"),
        files={str(f.relative_to(out)): file_digest(f) for f in files},
        train_examples=len(known),
        parameters=job.trainer.training_data.footprint.parameters,
        curves=tuple(Curve(name, tuple(points)) for name, points in job.curves.items()),
        seconds=job.seconds,
        environment=describe_environment(job.trainer.device),
        retain_digest=job.snapshot.manifest_digest(known),
        training_metrics=metrics or {},
        evaluation=evaluation,
        trajectory=_trajectory(job, outputs),
        efficiency=job.costs.efficiency(),
        certificate=certificate,
    )
    draft = out / ".result.json"
    draft.write_bytes(canonical_json(result.to_json()) + b"\n")
    draft.replace(out / "result.json")
    return result


def _trajectory(job: RunningJob, outputs: Outputs) -> Trajectory | None:
    """Every example's way against its own oracles; None where the method does not go step by step."""
    if not job.margins:
        return None
    margins = outputs.matrix("oracle", "forget", "margin")
    return trace(job.margins, dict(zip(outputs.ids["forget"], margins.T, strict=True)))
