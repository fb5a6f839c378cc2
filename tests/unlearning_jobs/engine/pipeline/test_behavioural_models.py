"""A model of which nobody declared how it was trained is compared with held-out examples, and never passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.formats.twins import TwinFinding
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, JobSpec, MethodChoice, ModelRef, Protocol
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.outputs import Group, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.sets import evaluation_sets
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.evaluation.twins import judge_twins
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

from .conftest import RunJob, evaluated_again, quiet

FORGET = ("e00000000", "e00000001", "e00000002", "e00000003", "e00000004", "e00000005")
PROTOCOL = Protocol((), (), estimands=(), assurance="behavioural")


@pytest.fixture(scope="session")
def unknown(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    """A job on a model that lies in a folder, and of which the job does not say how it was trained."""
    out = tmp_path_factory.mktemp("unknown") / "out"
    run(replace(spec, kind="train", forget_ids=(), method=None, protocol=None), out, quiet)
    model = ModelRef(str(out / "model"), model_digest(out / "model"))
    return replace(spec, model=model, forget_ids=FORGET, protocol=PROTOCOL, assurance="behavioural")


def found(outputs: Outputs) -> TwinFinding:
    return judge_twins(outputs, PROTOCOL)


def outputs_of(trainer: Trainer, original: TrainedModel, unlearned: TrainedModel) -> Outputs:
    """What two models answer, as a job measures them."""
    snapshot, outputs = trainer.training_data.snapshot, Outputs()
    sets = evaluation_sets(snapshot, FORGET, trainer.training_data.retained_ids(FORGET), PROTOCOL)
    models: tuple[tuple[Group, TrainedModel], ...] = (("original", original), ("unlearned", unlearned))
    for group, model in models:
        for name, examples in sets.items():
            rows = measure(model, examples, everything=False)
            outputs.add(ModelKey(group, 1), name, [example.id for example in examples], rows)
    return outputs


def test_doing_nothing_leaves_something_over_and_the_verdict_is_never_that_it_passed(
    unknown: JobSpec, finished: RunJob
) -> None:
    changes = {name: getattr(unknown, name) for name in ("model", "forget_ids", "protocol", "assurance")}
    result, out = finished(**changes, method=MethodChoice("nothing"))
    evaluation = result.evaluation
    assert evaluation is not None
    assert evaluation.twins is not None
    assert evaluation.twins.outcome == "left_over"
    assert (evaluation.twins.above, evaluation.twins.retain_lost) == (evaluation.twins.control_above, 0)
    assert evaluation.verdict.outcome == "inconclusive"
    assert [reason.code for reason in evaluation.verdict.reasons] == ["behavioural", "twins_left_over"]
    assert (evaluation.gap, evaluation.estimands, evaluation.controls, evaluation.examples) == (None, (), (), None)
    assert {model.group for model, _ in Outputs.read(out / "outputs" / "examples.parquet").values} == {
        "original",
        "unlearned",
    }
    assert evaluated_again(result, out, PROTOCOL, "nothing", "causal_lm") == evaluation
    assert "exact_memorization" in {metric.name for metric in evaluation.metrics}
    assert all(metric.oracles == () for metric in evaluation.metrics)
    assert any("no model could be trained to compare with" in limit for limit in evaluation.limits)
    assert result.efficiency is not None
    assert result.efficiency.retraining is None


def test_a_model_that_was_destroyed_overshot(unknown: JobSpec, tmp_path: Path) -> None:
    method = MethodChoice("gradient_ascent", {"steps": 60, "learning_rate_share": 1.0})
    result = run(replace(unknown, method=method), tmp_path / "out", quiet)
    assert result.evaluation is not None
    assert result.evaluation.twins is not None
    assert result.evaluation.twins.outcome == "overshot"
    assert result.evaluation.twins.retain_lost > 0.05
    assert result.evaluation.verdict.outcome == "inconclusive"


def test_of_a_model_that_was_trained_without_the_examples_mostly_nothing_is_found(
    trainer: Trainer, model: TrainedModel
) -> None:
    retrained = [trainer.obtain(FORGET, seed, lambda *_: None) for seed in (21, 22, 23)]
    outcomes = [found(outputs_of(trainer, model, one)).outcome for one in retrained]
    assert outcomes.count("nothing_found") >= 2, outcomes


def test_an_original_that_never_learned_the_examples_says_nothing(trainer: Trainer) -> None:
    one, other = (trainer.obtain(FORGET, seed, lambda *_: None) for seed in (21, 22))
    finding = found(outputs_of(trainer, one, other))
    assert finding.outcome == "says_nothing"
    verdict = evaluate(outputs_of(trainer, one, other), PROTOCOL, "npo", "causal_lm").verdict
    assert "does not know the examples to forget clearly better" in verdict.reasons[1].sentence


def test_attacks_are_carried_out_on_the_original_and_the_result(unknown: JobSpec, tmp_path: Path) -> None:
    protocol = replace(PROTOCOL, metrics=(), attacks=("prefix", "quantized_8", "difference"), relearning=2)
    result = run(replace(unknown, protocol=protocol), tmp_path / "out", quiet)
    assert result.evaluation is not None
    attacked = {metric.name: metric for metric in result.evaluation.metrics}
    assert set(attacked) == {"prefix", "prefix_extraction", "quantized_8", "difference", "relearning"}
    assert "and the original's" in attacked["quantized_8"].note
    assert "oracle" not in attacked["quantized_8"].note


def refused(unknown: JobSpec, tmp_path: Path, error: type[Exception], match: str, **changes: Any) -> None:
    with pytest.raises(error, match=match):
        run(replace(unknown, **changes), tmp_path / "out", quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["retrain", "oracle_matching"])
def test_methods_that_train_by_the_recipe_are_refused(unknown: JobSpec, tmp_path: Path, method: str) -> None:
    error = SpecError if method == "retrain" else ObstacleError
    refused(unknown, tmp_path, error, "there is no recipe to train it again by", method=MethodChoice(method))


@pytest.mark.parametrize(
    "changes",
    [
        {"replicate_seeds": (2, 3)},
        {"oracle_seeds": (11, 12, 13, 14)},
        {"design": "paired"},
        {"looks": 2},
        {"estimands": DEFAULT_ESTIMANDS},
    ],
    ids=str,
)
def test_a_protocol_that_asks_for_other_models_is_refused(unknown: JobSpec, tmp_path: Path, changes: dict[str, Any]) -> None:
    refused(unknown, tmp_path, SpecError, "no oracle can be trained", protocol=replace(PROTOCOL, **changes))


def test_what_else_could_show_nothing_is_refused(unknown: JobSpec, tmp_path: Path) -> None:
    refused(unknown, tmp_path, SpecError, "8 of them beside 2 to forget could show nothing", forget_ids=FORGET[:2])
    forgets = replace(PROTOCOL, metrics=("forget_quality",))
    refused(unknown, tmp_path, SpecError, "compares with oracles", protocol=forgets)
    refused(unknown, tmp_path, SpecError, "cannot be trained here; name its folder", model=None)
    refused(unknown, tmp_path, SpecError, "The model is reproduced, and the protocol", assurance="reproduced")


def test_a_corpus_without_held_out_examples_is_refused_with_what_to_do() -> None:
    [problem] = PROTOCOL.problems(held_out=False)
    assert "Register it with examples in the set held_out" in problem
