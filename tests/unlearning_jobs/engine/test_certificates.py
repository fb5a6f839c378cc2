"""Whole jobs whose result carries a certificate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from compliance.evidence.agreements import Story, ToldReport, contradictions
from compliance.evidence.agreements.certificates import EPSILON_OF_ONE
from compliance.evidence.agreements.judged import JUDGEMENT
from compliance.evidence.statements import UnlearningReport
from compliance.formats.canonical import digest_of
from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.artefacts import model_about
from unlearning_jobs.engine.contracts import (
    JobResult,
    JobSpec,
    LogisticArchitecture,
    MethodChoice,
    ModelRef,
    Protocol,
    UnlearningStep,
)
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.privacy_budget import group_privacy
from unlearning_jobs.engine.training.cache import Trainer

PROTOCOL = Protocol(replicate_seeds=(2,), oracle_seeds=tuple(range(11, 19)), metrics=("accuracy",))
KEEP, REMOVE = MethodChoice("dp_sgd"), MethodChoice("certified_removal")


def job(leaf_spec: JobSpec, trainer: Trainer, method: MethodChoice, *forget_ids: str) -> JobSpec:
    recipe = trainer.training_data.recipe
    return replace(leaf_spec, recipe=recipe, method=method, forget_ids=forget_ids, protocol=PROTOCOL)


def quiet(_: object) -> None:
    """Take no notice."""


def certified(spec: JobSpec, out: Path) -> JobResult:
    result = run(spec, out, quiet)
    assert JobResult.from_json(json.loads((out / "result.json").read_bytes())) == result
    assert result.certificate is not None
    return result


def accounted_otherwise(spec: JobSpec, result: JobResult) -> list[str]:
    """What verification, which computes epsilon with code of its own, has against the certificate."""
    told = ToldReport(cast("UnlearningReport", None), {}, json.loads(json.dumps(result.to_json())), spec.to_json())
    cost = [pair for pair in JUDGEMENT if pair.first is EPSILON_OF_ONE]
    return contradictions(Story("LE-1", (), reports={("item-1", 1): told}), cost)


def test_removals_are_certified_one_job_after_the_other(
    leaf_spec: JobSpec, logistic_trainer: Trainer, leaves_to_forget: tuple[str, ...], tmp_path: Path
) -> None:
    spec = job(leaf_spec, logistic_trainer, REMOVE, *leaves_to_forget[:2])
    first = certified(spec, tmp_path / "first")
    step = UnlearningStep(REMOVE, spec.forget_ids)
    base = ModelRef(str(tmp_path / "first" / "model"), first.model_digest)
    second = certified(
        replace(spec, model=base, earlier=(step,), forget_ids=leaves_to_forget[2:5]),
        tmp_path / "second",
    )
    assert first.certificate is not None
    assert second.certificate is not None
    assert (first.certificate.records, second.certificate.records) == (2, 5)
    assert second.certificate.budget_spent > first.certificate.budget_spent
    assert model_about(tmp_path / "second" / "model")["budget_spent"] == pytest.approx(second.certificate.budget_spent)
    assert second.evaluation is not None
    assert any("rests on its assumptions" in limit for limit in second.evaluation.limits)


def test_a_private_model_is_kept_with_a_certificate_until_its_budget_is_spent(
    leaf_spec: JobSpec, private_trainer: Trainer, leaves_to_forget: tuple[str, ...], tmp_path: Path
) -> None:
    spec = job(leaf_spec, private_trainer, KEEP, *leaves_to_forget[:2])
    first = certified(spec, tmp_path / "first")
    about = model_about(tmp_path / "first" / "model")["privacy"]
    assert first.certificate is not None
    expected = group_privacy(about["epsilon"], about["delta"], 2)
    assert (first.certificate.epsilon, first.certificate.delta) == pytest.approx(expected)
    base = ModelRef(str(tmp_path / "first" / "model"), first.model_digest)
    tight = MethodChoice("dp_sgd", {"max_epsilon": 3 * about["epsilon"]})
    later = replace(spec, model=base, earlier=(UnlearningStep(KEEP, spec.forget_ids),), method=tight)
    later = replace(later, forget_ids=leaves_to_forget[2:3])
    second = certified(later, tmp_path / "second")
    assert second.base_files is not None
    assert digest_of(second.base_files) == first.model_digest
    assert second.files["model/model.safetensors"] == second.base_files["model.safetensors"]
    assert accounted_otherwise(later, second) == []
    assert accounted_otherwise(replace(later, recipe=replace(later.recipe, epochs=3)), second) != []
    with pytest.raises(ObstacleError, match="4 examples erased in its life"):
        run(replace(later, forget_ids=leaves_to_forget[2:4]), tmp_path / "third", quiet)
    assert not (tmp_path / "third").exists()


def test_a_privately_trained_classifier_of_texts_is_kept_with_a_certificate(
    note_spec: JobSpec, note_trainer: Trainer, tmp_path: Path
) -> None:
    privacy = Privacy(noise_multiplier=8.0, delta=1e-5)
    trainer = with_recipe(note_trainer, epochs=1, privacy=privacy)
    spec = job(note_spec, trainer, KEEP, *note_spec.forget_ids[:2])
    result = certified(replace(spec, protocol=replace(PROTOCOL, replicate_seeds=())), tmp_path / "out")
    assert result.evaluation is not None
    verdict, [check] = result.evaluation.verdict, result.evaluation.process
    assert (verdict.outcome, [r.code for r in verdict.reasons]) == ("passed", ["certificate", "annex"])
    assert verdict.reasons[0].sentence == check.sentence
    assert result.certificate is not None
    assert 0 < result.certificate.epsilon < 3
    assert result.certificate.records == 2


def test_a_private_training_reports_what_it_cost(leaf_spec: JobSpec, private_trainer: Trainer, tmp_path: Path) -> None:
    spec = replace(job(leaf_spec, private_trainer, KEEP), kind="train", method=None, protocol=None)
    result = run(spec, tmp_path / "out", quiet)
    about = model_about(tmp_path / "out" / "model")["privacy"]
    assert result.training_metrics["epsilon"] == about["epsilon"] > 0
    assert result.certificate is None


def test_a_budget_that_would_be_spent_is_said_before_any_training(
    leaf_spec: JobSpec, private_trainer: Trainer, leaves_to_forget: tuple[str, ...], tmp_path: Path
) -> None:
    spec = job(leaf_spec, private_trainer, MethodChoice("dp_sgd", {"max_epsilon": 0.01}), *leaves_to_forget)
    with pytest.raises(ObstacleError, match="privacy budget is spent"):
        run(replace(spec, cache=str(tmp_path / "cache")), tmp_path / "out", quiet)
    assert not (tmp_path / "cache").exists()


def test_removals_beyond_the_budget_leave_no_result(
    leaf_spec: JobSpec, logistic_trainer: Trainer, leaves_to_forget: tuple[str, ...], tmp_path: Path
) -> None:
    spec = job(leaf_spec, logistic_trainer, REMOVE, *leaves_to_forget)
    poor = replace(spec.recipe, architecture=LogisticArchitecture(regularisation=0.05, perturbation=0.01))
    with pytest.raises(ObstacleError, match="of its budget"):
        run(replace(spec, recipe=poor), tmp_path / "out", quiet)
    assert not (tmp_path / "out" / "result.json").exists()


def test_removals_beyond_the_budget_are_refused_before_anything_else_is_trained(
    leaf_spec: JobSpec, logistic_trainer: Trainer, leaves_to_forget: tuple[str, ...], tmp_path: Path
) -> None:
    architecture = LogisticArchitecture(regularisation=0.05, perturbation=0.01)
    spec = job(leaf_spec, logistic_trainer, REMOVE, *leaves_to_forget)
    spec = replace(spec, recipe=replace(spec.recipe, architecture=architecture))
    training = replace(spec, kind="train", method=None, protocol=None, forget_ids=())
    model = run(replace(training, cache=str(tmp_path / "first")), tmp_path / "base", quiet)
    base, seen = ModelRef(str(tmp_path / "base" / "model"), model.model_digest), []
    spec = replace(spec, model=base, cache=str(tmp_path / "cache"))
    with pytest.raises(ObstacleError, match="of its budget"):
        run(spec, tmp_path / "out", lambda progress: seen.append(progress.stage))
    assert set(seen) == {"load", "unlearn"}
    assert not (tmp_path / "cache").exists()
