"""Whole jobs that look more than once, and jobs with pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unlearning_jobs.engine.pipeline.conftest import evaluated_again, quiet
from unlearning_jobs.engine.contracts import Evaluation, JobSpec, MethodChoice, Progress, Protocol
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.pipeline import run

TWICE = Protocol((2, 3, 4), (11, 12, 13, 14, 15, 16, 17, 18), metrics=(), looks=2)
PAIRED = Protocol((2, 3, 4, 5, 6), (11, 12), metrics=(), design="paired", looks=2)


def done(
    spec: JobSpec, tmp_path: Path, protocol: Protocol, method: str = "nothing"
) -> tuple[Evaluation, Outputs, list[str]]:
    """The job's evaluation, its outputs, and the stages in the order in which they began."""
    stages: list[str] = []

    def note(progress: Progress) -> None:
        if progress.done == 0 and progress.point is None:
            stages.append(progress.stage)

    spec = replace(spec, cache=str(tmp_path / "cache"), protocol=protocol, method=MethodChoice(method))
    result = run(spec, tmp_path / "out", note)
    assert result.evaluation is not None
    outputs = Outputs.read(tmp_path / "out" / "outputs" / "examples.parquet")
    assert evaluated_again(result, tmp_path / "out", protocol, method, spec.recipe.family) == result.evaluation
    return result.evaluation, outputs, stages


def seeds(outputs: Outputs, group: str) -> list[int]:
    return [model.seed for model in outputs.models(group)]  # type: ignore[arg-type]  # a literal


def models_in(cache: Path) -> int:
    return sum(folder.is_dir() and len(folder.name) == 64 for folder in cache.iterdir())


def test_a_first_look_that_decides_trains_no_more_models(leaf_spec: JobSpec, tmp_path: Path) -> None:
    evaluation, outputs, stages = done(leaf_spec, tmp_path, TWICE)
    assert (evaluation.verdict.outcome, evaluation.look) == ("failed", 1)
    assert seeds(outputs, "unlearned") == seeds(outputs, "original") == [1, 2]
    assert seeds(outputs, "oracle") == [11, 12, 13, 14]
    assert models_in(tmp_path / "cache") == 6
    assert stages.count("evaluate") == 1


def test_a_look_that_does_not_decide_adds_the_other_models(leaf_spec: JobSpec, tmp_path: Path) -> None:
    """With so small a learning rate nothing is learned, and models differ by their first weights."""
    barely = replace(leaf_spec, seed=5, recipe=replace(leaf_spec.recipe, epochs=1, learning_rate=1e-6))
    evaluation, outputs, stages = done(barely, tmp_path, TWICE)
    assert (evaluation.verdict.outcome, evaluation.look) == ("no_influence", 2)
    assert seeds(outputs, "unlearned") == seeds(outputs, "original") == [5, 2, 3, 4]
    assert seeds(outputs, "oracle") == list(TWICE.oracle_seeds)
    assert models_in(tmp_path / "cache") == 12
    assert stages.count("evaluate") == 2


def test_doing_nothing_fails_against_pairs_that_watchers_confirm(leaf_spec: JobSpec, tmp_path: Path) -> None:
    evaluation, outputs, _ = done(leaf_spec, tmp_path, PAIRED)
    assert (evaluation.verdict.outcome, evaluation.verdict.direction, evaluation.look) == ("failed", "undershot", 1)
    assert seeds(outputs, "unlearned") == [1, 2, 3]
    assert seeds(outputs, "oracle") == [1, 2, 3, 11, 12]
    assert {control.name: control.behaved for control in evaluation.controls} == {
        "oracle_against_oracle": True,
        "do_nothing": True,
        "pairs_against_independent": True,
    }
    [shipped] = [f for f in evaluation.estimands if (f.estimand.name, f.scope) == ("forget_location", "shipped")]
    assert shipped.low == shipped.estimate == shipped.high == pytest.approx(1.0)
    assert evaluation.precision is not None
    assert evaluation.precision.saved_by_pairs is not None


def test_a_retraining_without_replicates_is_released_on_its_process(leaf_spec: JobSpec, tmp_path: Path) -> None:
    evaluation, outputs, stages = done(leaf_spec, tmp_path, Protocol((), (11, 12, 13, 14), metrics=()), "retrain")
    assert evaluation.verdict.outcome == "passed"
    assert [(check.name, check.held) for check in evaluation.process] == [
        ("forget_set_absent", True),
        ("executed_again", True),
    ]
    assert seeds(outputs, "unlearned") == [1]
    assert "replicates" not in stages


def test_a_job_that_died_between_two_looks_is_done_again_to_the_same_result(leaf_spec: JobSpec, tmp_path: Path) -> None:
    barely = replace(leaf_spec.recipe, epochs=1, learning_rate=1e-6)
    spec = replace(
        leaf_spec, seed=5, recipe=barely, cache=str(tmp_path / "cache"), protocol=TWICE, method=MethodChoice("nothing")
    )
    evaluated: list[int] = []

    def die(progress: Progress) -> None:
        evaluated.extend([1] * (progress.stage == "evaluate" and progress.done == progress.total))
        if evaluated and progress.stage == "replicates":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "out", die)
    assert run(spec, tmp_path / "out", quiet).evaluation == run(spec, tmp_path / "again", quiet).evaluation
