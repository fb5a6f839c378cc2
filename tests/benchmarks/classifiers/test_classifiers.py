"""What the classifier benchmarks keep, choose and call a difference."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binom

from benchmarks.classifiers.costs import _peak, measure_here
from benchmarks.classifiers.forget_sets import AUDIT, SETS, TUNING, Pictures, Task, make_tasks
from benchmarks.classifiers.mnist import MissingDataError, mnist
from benchmarks.classifiers.models import BenchmarkSubject
from benchmarks.classifiers.results import ResultStore
from benchmarks.classifiers.table import LEVEL, SPLITS, Floor, TableRow, random_splits
from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe, Sharding

MIB = 2**20


def pictures() -> Pictures:
    rng = np.random.default_rng(0)
    y = rng.integers(10, size=260)
    return Pictures(rng.normal(size=(10, 6))[y].astype(np.float32) + rng.normal(size=(260, 6)).astype(np.float32), y, 240)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Task]:
    return {task.name: task for task in make_tasks(tmp_path_factory.mktemp("audit"), pictures())}


def margins(models: int, shift: float, seed: int) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(shift, 1.0, size=(models, 30)) for name in SETS}


def test_what_was_measured_is_read_again_and_made_anew_when_it_depends_on_something_else(tmp_path: Path) -> None:
    results, values = ResultStore(tmp_path), list[float]()

    def make(value: float) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        values.append(value)
        return {"forget": np.array([value])}

    first = results.arrays("npo", {"config": {"steps": 1}}, lambda: make(1.0))
    again = results.arrays("npo", {"config": {"steps": 1}}, lambda: make(2.0))
    other = results.arrays("npo", {"config": {"steps": 2}}, lambda: make(3.0))
    assert (first["forget"][0], again["forget"][0], other["forget"][0]) == (1.0, 1.0, 3.0)
    assert values == [1.0, 3.0]


def test_the_five_forget_sets_are_training_examples_and_of_the_sizes_they_say(tasks: dict[str, Task]) -> None:
    assert {name: len(task.forget) for name, task in tasks.items() if name != "half of a class"} == {
        "10 random": 10,
        "100 random": 100,
        "cluster of 100": 100,
        "mislabelled canaries": 20,
    }
    for task in tasks.values():
        assert len(set(task.forget)) == len(task.forget)
        assert max(task.forget) < task.training == 240


def test_half_of_a_class_is_of_one_class_and_the_cluster_holds_its_centre(tasks: dict[str, Task]) -> None:
    y = pictures().y
    assert set(y[list(tasks["half of a class"].forget)]) == {y[AUDIT.class_of]}
    assert len(tasks["half of a class"].forget) == (y[:240] == y[AUDIT.class_of]).sum() // 2
    assert AUDIT.centre in tasks["cluster of 100"].forget


def test_canaries_and_nothing_else_have_wrong_labels(tasks: dict[str, Task]) -> None:
    task = tasks["mislabelled canaries"]
    wrong = [i for i, e in enumerate(task.snapshot.examples()) if e.completion != str(pictures().y[i])]
    assert tuple(wrong) == task.forget


def test_tuning_draws_other_sets_than_the_audit(tasks: dict[str, Task], tmp_path: Path) -> None:
    for task in make_tasks(tmp_path, pictures(), TUNING):
        assert set(task.forget) != set(tasks[task.name].forget)


def test_equal_groups_stay_within_the_floor_and_shifted_ones_do_not() -> None:
    oracles = margins(60, 0.0, 1)
    alike, apart = TableRow("retrain", margins(60, 0.0, 3), oracles), TableRow("nothing", margins(60, 1.5, 4), oracles)
    for name in SETS:
        assert Floor(random_splits(alike.margins, oracles)).p_value(name, alike.klom[name]) >= LEVEL
        assert Floor(random_splits(apart.margins, oracles)).p_value(name, apart.klom[name]) == pytest.approx(
            1 / (1 + SPLITS)
        )


def test_equal_groups_fail_as_seldom_as_the_level_says_although_examples_move_together() -> None:
    """All examples of a model share most of their noise: the splits of one pool of models say little about another's."""
    rng, draws, level = np.random.default_rng(5), 100, 0.1
    failed = 0
    for _ in range(draws):
        first, second = ({n: rng.normal(size=(20, 1)) + 0.3 * rng.normal(size=(20, 30)) for n in SETS} for _ in range(2))
        failed += (
            Floor(random_splits(first, second)).p_value("retain", TableRow("retrain", first, second).klom["retain"]) <= level
        )
    low, high = binom.interval(0.99, draws, level)
    assert low <= failed <= high


def test_single_models_are_either_equal_or_disjoint() -> None:
    model = {name: values[:1] for name, values in margins(1, 0.0, 1).items()}
    other = {name: values + 1.0 for name, values in model.items()}
    assert TableRow("summation", model, model).klom["forget"] == 0
    assert TableRow("nothing", other, model).klom["forget"] == pytest.approx(math.log(1e5))


def test_the_peak_is_that_of_the_work_alone() -> None:
    kept = torch.ones(8 * MIB)  # 32 MiB that were there before
    memory, device_memory = _peak(lambda: torch.ones(16 * MIB).sum())
    assert memory is not None
    assert 60 * MIB < memory < 80 * MIB
    assert device_memory is None
    assert len(kept) == 8 * MIB


def test_sisa_is_timed_without_the_slices_of_an_earlier_run(tasks: dict[str, Task], tmp_path: Path) -> None:
    recipe = Recipe("classifier", ClassifierArchitecture("mlp", width=8), epochs=6, batch_size=32, learning_rate=0.1)
    sharded = replace(recipe, sharding=Sharding(shards=2, slices=1))
    costs = [
        measure_here(BenchmarkSubject("test", of), tasks["100 random"], name, tmp_path / name)
        for of, name in ((recipe, "gradient_ascent"), (sharded, "sisa"))
    ]
    assert all(cost.seconds > 0 for cost in costs)
    assert costs[1].seconds > 0.005  # both shards held some: reading them from the cache takes a millisecond


def test_without_mnist_the_command_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"mnist\.npz does not exist: DATA must name the folder"):
        mnist(tmp_path)
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((1, 28, 28)))
    with pytest.raises(MissingDataError, match="has no array y_train"):
        mnist(tmp_path)
