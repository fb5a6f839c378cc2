"""Forgetting by subtraction, against training again, and whole jobs with models that have no spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.conftest import SUMS_RECIPE, with_recipe
from tests.unlearning_jobs.engine.methods.conftest import Task, task
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, SnapshotRef, SumsArchitecture, UnlearningStep
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError, ObstacleError, SpecError
from unlearning_jobs.engine.families.sums import LEARNERS
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.training_data import TrainingData

ITEMS, BASKETS = 6, 150
TRAINED_BASKETS = tuple(f"e{place:08d}" for place in range(10))


def forgotten(given: Task) -> TrainedModel:
    return make_method(MethodChoice("summation")).unlearn(given.model, given.context, lambda _: None)


def quiet(*_: object) -> None:
    """Take no notice."""


@pytest.fixture(scope="session")
def baskets(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Baskets with the item after the first of theirs held back; in the first ten it is a random one."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("baskets")
    x = (rng.random((BASKETS, ITEMS)) < 0.3).astype(np.uint8)
    held_back = (x.argmax(axis=1) + 1) % ITEMS
    held_back[: len(TRAINED_BASKETS)] = (held_back[: len(TRAINED_BASKETS)] + 2) % ITEMS
    split = np.where(np.arange(BASKETS) >= 100, "held_out", "train")
    np.savez(folder / "baskets.npz", x=x, y=np.array([f"item {i}" for i in held_back]), split=split)
    snapshot_create([folder / "baskets.npz"], folder / "snapshot")
    return Snapshot.open(folder / "snapshot")


@pytest.fixture(scope="session")
def given(
    sums_trainer: Trainer, sums_spec: JobSpec, baskets: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[Trainer, JobSpec]]:
    """A trainer and a job per learner: on leaves, and for the recommender on baskets."""
    found = {}
    for name in LEARNERS:
        architecture = SumsArchitecture(name)  # type: ignore[arg-type]  # a name of the table
        spec = replace(sums_spec, recipe=replace(SUMS_RECIPE, architecture=architecture))
        if name == "co_occurrence":
            spec = replace(spec, snapshot=SnapshotRef(str(baskets.folder), baskets.info.digest), forget_ids=TRAINED_BASKETS)
            training_data = TrainingData.prepare(spec.recipe, baskets)
            found[name] = Trainer(training_data, tmp_path_factory.mktemp("cache"), torch.device("cpu")), spec
        else:
            found[name] = with_recipe(sums_trainer, architecture=architecture), spec
    return found


@pytest.mark.parametrize("name", LEARNERS)
def test_the_result_is_the_model_trained_without_the_forget_set(
    name: str, given: Mapping[str, tuple[Trainer, JobSpec]]
) -> None:
    trainer, spec = given[name]
    found = forgotten(task(trainer, trainer.obtain((), 1, quiet), spec.forget_ids))
    expected = trainer.obtain(spec.forget_ids, 2, quiet)
    for a, b in zip(found.network.buffers(), expected.network.buffers(), strict=True):
        assert torch.allclose(a, b, rtol=1e-11, atol=1e-11)
    data = found.family.encode(trainer.training_data.snapshot.examples())
    left, fresh = (torch.stack([s.margin for s in score(model, data)]) for model in (found, expected))
    assert torch.allclose(left, fresh, rtol=1e-6, atol=1e-6)


def test_no_example_is_read_but_those_to_forget(sums_task: Task, tmp_path: Path) -> None:
    snapshot = sums_task.context.training_data.snapshot
    copytree(snapshot.folder, tmp_path / "snapshot")
    file = tmp_path / "snapshot" / "examples.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    forget = {snapshot.position(i) for i in sums_task.context.forget_ids}
    file.write_bytes(b"".join(line if n in forget else b"#" * (len(line) - 1) + b"\n" for n, line in enumerate(lines)))
    unreadable = Snapshot.open(tmp_path / "snapshot")
    with pytest.raises(CorpusError):
        unreadable.get(sums_task.context.retain_ids[:1])

    blind = replace(sums_task.context, training_data=TrainingData.prepare(SUMS_RECIPE, unreadable), train=_refuse_to_train)
    found = forgotten(Task(sums_task.model, blind))
    for a, b in zip(found.network.buffers(), forgotten(sums_task).network.buffers(), strict=True):
        assert torch.equal(a, b)


def _refuse_to_train(*_: object) -> TrainedModel:
    raise AssertionError


def test_forgetting_goes_on_where_it_stopped(sums_trainer: Trainer, sums_task: Task) -> None:
    context = sums_task.context
    first, second = context.forget_ids[:5], context.forget_ids[5:]
    start = replace(context, forget_ids=first, retain_ids=(*context.retain_ids, *second))
    half = forgotten(Task(sums_task.model, start))
    whole = forgotten(Task(half, replace(context, forget_ids=second)))
    expected = sums_trainer.obtain(context.forget_ids, 1, quiet)
    for a, b in zip(whole.network.buffers(), expected.network.buffers(), strict=True):
        assert torch.allclose(a, b, rtol=1e-11, atol=1e-11)


def test_what_was_forgotten_cannot_be_forgotten_again(sums_task: Task) -> None:
    again = Task(forgotten(sums_task), sums_task.context)
    with pytest.raises(SpecError, match="learned from 228 examples, and the job names 240"):
        forgotten(again)


def test_a_network_cannot_forget_by_subtraction(sums_task: Task) -> None:
    network = TrainedModel(torch.nn.Linear(16, 6), sums_task.model.family)
    with pytest.raises(ObstacleError, match="learned through sums"):
        forgotten(Task(network, sums_task.context))


# Whole jobs. All models of a group are the same, so that every interval has no width but that of rounding.


@pytest.mark.parametrize("name", LEARNERS)
def test_a_job_that_subtracts_passes_and_cannot_be_told_from_oracles(
    name: str, given: Mapping[str, tuple[Trainer, JobSpec]], tmp_path: Path
) -> None:
    result = run(replace(given[name][1], method=MethodChoice("summation")), tmp_path / "out", quiet)
    evaluation = result.evaluation
    assert evaluation is not None
    assert evaluation.verdict.outcome == "passed", evaluation
    assert [reason.code for reason in evaluation.verdict.reasons] == ["process_evidence", "process_evidence", "annex"]
    assert evaluation.permutation is not None
    assert evaluation.permutation.p_value == 1
    assert all(abs(f.estimate) < 1e-4 for f in evaluation.estimands)
    assert any("does not depend on the seed" in limit for limit in evaluation.limits)
    assert result.parameters > 0
    assert result.second_training is not None
    assert result.second_training.weights == result.files["model/model.safetensors"], "that training is shipped"


@pytest.mark.parametrize("name", LEARNERS)
def test_a_job_that_does_nothing_fails(name: str, given: Mapping[str, tuple[Trainer, JobSpec]], tmp_path: Path) -> None:
    evaluation = run(replace(given[name][1], method=MethodChoice("nothing")), tmp_path / "out", quiet).evaluation
    assert evaluation is not None
    assert (evaluation.verdict.outcome, evaluation.verdict.direction) == ("failed", "undershot"), evaluation
    assert all(control.behaved for control in evaluation.controls)


def test_a_job_after_an_earlier_one_passes_too(sums_spec: JobSpec, tmp_path: Path) -> None:
    subtract = MethodChoice("summation")
    earlier = (UnlearningStep(subtract, sums_spec.forget_ids[:5]),)
    second = replace(sums_spec, earlier=earlier, forget_ids=sums_spec.forget_ids[5:], method=subtract)
    evaluation = run(second, tmp_path / "out", quiet).evaluation
    assert evaluation is not None
    assert evaluation.verdict.outcome == "passed", evaluation


def test_a_method_of_gradient_steps_is_refused_before_any_work(sums_spec: JobSpec, tmp_path: Path) -> None:
    with pytest.raises(ObstacleError, match=r"works on causal_lm, .* and classifier only"):
        run(replace(sums_spec, method=MethodChoice("gradient_ascent")), tmp_path / "out", quiet)
