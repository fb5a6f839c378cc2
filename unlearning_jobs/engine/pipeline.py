"""The engine's entry point: `run(spec, out, on_progress)` does one job and writes its result to a folder.

model/                      the trained or unlearned model
outputs/examples.parquet    statistics by model, example and set, from which every number of the evaluation follows
outputs/trajectory.parquet  margins of the forget examples over the run, for methods that work step by step
outputs/answers.parquet     what language models answer, word for word, of three models; it never leaves with the evidence
result.json                 the JobResult, written last and atomically: a folder that has it is complete
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from compliance.formats.canonical import canonical_json
from compliance.formats.processes import process_checks
from compliance.formats.results import ANSWERS, HELD_OUT_ACCURACY, RESULT_VERSION, Certificate, SecondTraining

from .artefacts import checkpoint_digest, file_digest, model_digest, model_files
from .catalogue import method_guarantee
from .contracts import Curve, Evaluation, JobResult, JobSpec, Progress, ProgressCallback, Protocol, Recipe, Trajectory
from .corpora import Example, Snapshot
from .environment import describe_environment
from .errors import SpecError
from .evaluation.attacks import Attacks, Target, check_attacks
from .evaluation.duplicates import find_duplicates
from .evaluation.kept_answers import KeptAnswers
from .evaluation.membership import Membership
from .evaluation.outputs import Group, ModelKey, Outputs
from .evaluation.sets import evaluation_sets
from .evaluation.statistics import STATISTICS, measure
from .evaluation.trajectory import build_trajectory
from .preparation import check_import, check_unlearning, excluded_ids, job_protocol, unlearning_steps
from .process import train_again
from .running import PERCENT, RunningJob
from .tensors import require_finite, weights_of
from .training.cache import Trainer
from .training.device import check_memory, choose_device
from .training.ensemble import is_worthwhile, train_ensemble
from .training.model import TrainedModel, load_model, save_model, to_device
from .training.sharded import accuracy, aggregation_accuracies, shard_networks
from .training.training_data import TrainingData
from .training.vectorised import TrainingRun

UNLEARNING_COPIES = 6
"""Copies of the parameters held while unlearning: original, result, gradients, two moments, and one in reserve."""
UNLEARNING_BASES = 3
"""Copies of the weights of a checkpoint under adapters: the production model's, that of the last model, and of the next."""
RELEARNING_COPIES = 7
"""While an oracle is attacked: original, result, oracle, its copy, gradients, two moments."""


def run(spec: JobSpec, out: Path, on_progress: ProgressCallback) -> JobResult:
    """Do the job and write its result to the folder `out`.

    Raises:
        EngineError: the job cannot be done; the message says why and what to do. Most causes are detected before the work
            starts.
    """
    # 1. Check everything that can be checked before the work starts.
    if (out / "result.json").exists():
        message = f"The folder {out.name} already holds a result; choose another one."
        raise SpecError(message)
    snapshot = Snapshot.open(spec.snapshot.path, spec.snapshot.digest)
    training_data, device = TrainingData.prepare(spec.recipe, snapshot, spec.base), choose_device(spec.device)
    if spec.kind == "unlearn":
        check_unlearning(spec, snapshot)
        check_attacks(job_protocol(spec), training_data.family, snapshot.get(spec.forget_ids))
        copies = RELEARNING_COPIES if job_protocol(spec).relearning else UNLEARNING_COPIES
        networks, size = _networks(spec.recipe), training_data.footprint
        check_memory(size.times(networks), device, copies=copies, bases=UNLEARNING_BASES)
    if spec.kind == "import":
        check_memory(training_data.footprint, device, copies=1)
    # 2. Clear what a killed run may have left, and start.
    for leftover in ("model", "outputs"):
        shutil.rmtree(out / leftover, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    job = RunningJob(spec, out, on_progress, Trainer(training_data, Path(spec.cache), device))
    return {"train": _train, "import": _import, "unlearn": _unlearn}[spec.kind](job)


def _networks(recipe: Recipe) -> int:
    """Return how many networks the finished model is as large as. A merged adapter is as large as all that it is made of."""
    if recipe.sharding is None:
        return 1
    return recipe.sharding.shards if recipe.architecture.adapts else recipe.sharding.networks


def _train(job: RunningJob) -> JobResult:
    spec = job.spec
    # 1. Train.
    with job.stage("train") as progress_of:
        model = job.train(spec.exclude_ids, spec.seed, job.with_curves(progress_of(0)))
    # 2. Measure the model on its own training examples.
    with job.stage("evaluate"):
        outputs, metrics = _measured(job, model)
        metrics |= _accuracies_of_shards(job, model)
        if model.privacy is not None:
            metrics |= {"epsilon": model.privacy.epsilon, "delta": model.privacy.delta}
    # 3. Save.
    save_model(model, job.out / "model", job.trainer.about(spec.exclude_ids, spec.seed))
    return _finish(job, outputs, metrics=metrics)


def _measured(job: RunningJob, model: TrainedModel) -> tuple[Outputs, dict[str, float]]:
    """Measure a new model on the examples that it was trained on."""
    ids = job.trainer.training_data.retained_ids(job.spec.exclude_ids)
    outputs, key = Outputs(), ModelKey("original", job.spec.seed)
    outputs.add(key, "train", ids, measure(model, job.snapshot.get(ids), everything=False))
    means = {name: float(outputs.vector(key, "train", name).mean()) for name in STATISTICS}
    return outputs, {name: mean for name, mean in means.items() if not math.isnan(mean)}


def _import(job: RunningJob) -> JobResult:
    """Take over a model that was trained elsewhere, in the form that models have here, with the logits that it has."""
    spec, family = job.spec, job.trainer.training_data.family
    # 1. Read it, if it is the one that is named and fits the recipe.
    with job.stage("load"):
        artefact = check_import(spec, job.snapshot)
        folder = Path(artefact.path)
        network = family.read_foreign(folder)
        require_finite(weights_of(folder), folder, code="bad_artefact")
        if checkpoint_digest(folder) != artefact.digest:
            message = f"The model in {folder.name} is not the one that was named: its digest differs; import it again."
            raise SpecError(message, code="bad_artefact")
        model = TrainedModel(to_device(network, job.trainer.device).eval(), family)
    # 2. Measure it as a training measures its model.
    with job.stage("evaluate"):
        outputs, metrics = _measured(job, model)
    # 3. Save it.
    about = {**job.trainer.about(spec.exclude_ids, spec.seed), "assurance": spec.assurance, "artefact": artefact.digest}
    save_model(model, job.out / "model", about)
    return _finish(job, outputs, metrics=metrics)


def _accuracies_of_shards(job: RunningJob, model: TrainedModel) -> dict[str, float]:
    """Return the held-out accuracy of a model in stages, or of each way to aggregate one in shards: what cheapness costs."""
    trainer, held_out = job.trainer, list(job.snapshot.examples("held_out"))
    sharding = trainer.training_data.recipe.sharding
    if sharding is None or not held_out:
        return {}
    encoded = trainer.training_data.family.encode(held_out)
    if sharding.shards == 1:
        return {HELD_OUT_ACCURACY: accuracy(model, encoded)}
    networks = shard_networks(
        trainer.training_data,
        job.spec.exclude_ids,
        job.spec.seed,
        device=trainer.device,
        on_step=lambda *_: None,
        slices=trainer.slices,
    )
    accuracies = aggregation_accuracies(networks, trainer.training_data, encoded)
    return {f"{HELD_OUT_ACCURACY}_{aggregation}": share for aggregation, share in accuracies.items()}


def _unlearn(job: RunningJob) -> JobResult:
    """Unlearn from the production model first, so that its curves show at once; then compare it, look by look."""
    # A training, which needs no statistics, starts almost two seconds earlier without their libraries.
    from .evaluation.evaluate import evaluate, is_decided

    spec, protocol = job.spec, job_protocol(job.spec)
    outputs, sets = Outputs(), _evaluation_sets(job, protocol)
    kept, attacks, membership = KeptAnswers.of(protocol, spec.seed, sets), Attacks(protocol), Membership()

    def note(group: Group, seed: int, model: TrainedModel, *, everything: bool) -> None:
        key, target = ModelKey(group, seed), Target(model, sets, spec.recipe, protocol)
        for name, examples in sets.items():
            on_answers = partial(kept.note, key, name, examples)
            scored = target.data(name), target.scores(name)
            rows = measure(model, examples, everything=everything, on_answers=on_answers, scored=scored)
            outputs.add(key, name, [e.id for e in examples], rows)
        for name, columns in (*attacks.carry_out(target).items(), *membership.measure(target).items()) if everything else ():
            outputs.add_columns(key, name, columns)

    # 1. Load the production model, or train it if the job names none.
    with job.stage("load") as progress_of:
        production = load_model(spec.model, spec.base) if spec.model else job.original(spec.seed, progress_of(0))
        base_files = model_files(Path(spec.model.path)) if spec.model else None
        to_device(production.network, job.trainer.device)
        note("original", spec.seed, production, everything=True)
    # 2. Unlearn from it, and establish how the result was made.
    with job.stage("unlearn") as progress_of:
        unlearned = job.unlearn_production(production, job.with_curves(progress_of(0)))
        certificate = job.certificate(unlearned)
    with job.stage("process") as progress_of:
        again, unlearned = train_again(job, unlearned, progress_of(0))
        method = unlearning_steps(spec)[-1].method
        process = process_checks(method_guarantee(method.name), certificate, again)
        note("unlearned", spec.seed, unlearned, everything=True)
        retained = job.trainer.training_data.retained_ids(excluded_ids(spec))
        duplicates = find_duplicates(job.snapshot, sets["forget"], retained)
    # 3. Compare it with oracles, and so that the verdict is about the method too, do the same to models with other seeds.
    for look in range(1, protocol.looks + 1):
        _add_models(job, look, note)
        with job.stage("evaluate"):
            evaluation = evaluate(
                outputs, protocol, method.name, spec.recipe.family, look=look, process=process, duplicates=duplicates
            )
        if is_decided(evaluation):
            break
    # 4. Save the unlearned production model.
    save_model(unlearned, job.out / "model", job.about_unlearned())
    kept.write(job.out / ANSWERS)
    return _finish(job, outputs, evaluation=evaluation, certificate=certificate, again=again, base_files=base_files)


def _add_models(job: RunningJob, look: int, note: Callable[..., None]) -> None:
    """Train and measure the models by which this look is larger than the one before."""
    step = len(job.spec.earlier)  # number of this job's own unlearning step
    replicates, oracles = job.models_of_look(look)
    _train_ensemble(job, [*(TrainingRun(job.spec.exclude_ids, seed) for seed in replicates), *oracles])
    if replicates:
        with job.stage("replicates", 2 * len(replicates)) as progress_of:
            for i, seed in enumerate(replicates):
                replicate = job.original(seed, progress_of(2 * i))
                note("original", seed, replicate, everything=False)
                note("unlearned", seed, job.apply(replicate, step, seed, progress_of(2 * i + 1)), everything=False)
    if oracles:
        with job.stage("oracles", len(oracles)) as progress_of:
            for i, oracle in enumerate(oracles):
                note("oracle", oracle.seed, job.oracle(oracle, progress_of(i)), everything=True)


def _train_ensemble(job: RunningJob, trainings: Sequence[TrainingRun]) -> None:
    """Train the originals of replicates and the oracles together into the cache, if that is faster than one by one."""
    if not trainings or not is_worthwhile(job.trainer, trainings):
        return
    with job.stage("ensemble", len(trainings)) as progress_of:
        last = len(trainings) - 1
        if trainings[last].exclude_ids != job.spec.exclude_ids:
            job.oracle(trainings[last], progress_of(0))  # by itself, to measure the cost of one training
        done = [float(i == last) for i in range(len(trainings))]  # share of each training that is done

        def on_model(i: int, steps: int, total: int) -> None:
            done[i] = steps / total
            progress_of(int(sum(done)))(Progress("ensemble", int(PERCENT * (sum(done) % 1)), PERCENT))

        train_ensemble(job.trainer, trainings, on_model)


def _evaluation_sets(job: RunningJob, protocol: Protocol) -> dict[str, list[Example]]:
    retained = job.trainer.training_data.retained_ids(excluded_ids(job.spec))
    return evaluation_sets(job.snapshot, job.spec.forget_ids, retained, protocol)


def _finish(
    job: RunningJob,
    outputs: Outputs,
    *,
    metrics: Mapping[str, float] | None = None,
    evaluation: Evaluation | None = None,
    certificate: Certificate | None = None,
    again: SecondTraining | None = None,
    base_files: Mapping[str, str] | None = None,
) -> JobResult:
    """Write the outputs and then, atomically, the result."""
    spec, out = job.spec, job.out
    retained = job.trainer.training_data.retained_ids(excluded_ids(spec))
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
        train_examples=len(retained),
        parameters=job.trainer.training_data.footprint.times(_networks(spec.recipe)).parameters,
        curves=tuple(Curve(name, tuple(points)) for name, points in job.curves.items()),
        seconds=job.seconds,
        environment=describe_environment(job.trainer.device),
        retain_digest=job.snapshot.manifest_digest(retained),
        training_metrics=metrics or {},
        evaluation=evaluation,
        trajectory=None if evaluation and evaluation.gap is None else _trajectory(job, outputs),
        efficiency=job.costs.efficiency(),
        certificate=certificate,
        second_training=again,
        base_files=base_files,
        version=RESULT_VERSION,
    )
    draft = out / ".result.json"
    draft.write_bytes(canonical_json(result.to_json()) + b"\n")
    draft.replace(out / "result.json")  # atomic: a reader sees either no result or all of it
    return result


def _trajectory(job: RunningJob, outputs: Outputs) -> Trajectory | None:
    """Compare every example's margins with its own oracles; None if the method does not work step by step."""
    if not job.margins:
        return None
    margins = outputs.matrix("oracle", "forget", "margin")  # (models, examples)
    return build_trajectory(job.margins, dict(zip(outputs.ids["forget"], margins.T, strict=True)))
