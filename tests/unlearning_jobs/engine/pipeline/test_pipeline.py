"""Whole jobs on the tiny corpus, with real training."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unlearning_jobs.engine.pipeline.conftest import FORGET, PROTOCOL, SHORT, RunJob, evaluated_again, quiet
from unlearning_jobs.engine.artefacts import file_digest, model_digest
from unlearning_jobs.engine.catalogue import metrics_of
from unlearning_jobs.engine.contracts import (
    JobResult,
    JobSpec,
    LogisticArchitecture,
    MethodChoice,
    ModelRef,
    Progress,
    Protocol,
    Recipe,
    UnlearningStep,
)
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.evaluation.metrics.metric import ModelMetric
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.evaluation.trajectory import MarginLog, build_trajectory
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.families.causal_lm import CausalLmFamily
from unlearning_jobs.engine.families.classifier import ClassifierFamily
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.preparation import check_unlearning
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import load_model

# The three verdicts that have to come out right, or nothing else counts.


def test_doing_nothing_fails(finished: RunJob) -> None:
    evaluation = finished()[0].evaluation
    assert evaluation is not None
    assert (evaluation.verdict.outcome, evaluation.verdict.direction) == ("failed", "undershot")
    assert evaluation.estimands[0].estimate == pytest.approx(1)
    assert all(control.behaved for control in evaluation.controls)


def test_retraining_passes(finished: RunJob) -> None:
    evaluation = finished(method=MethodChoice("retrain"))[0].evaluation
    assert evaluation is not None
    assert evaluation.verdict.outcome == "passed", evaluation.estimands


def test_ascent_driven_far_past_the_oracles_fails_as_overshot(finished: RunJob) -> None:
    driven = MethodChoice("gradient_ascent", {"steps": 25, "learning_rate_share": 0.3})
    evaluation = finished(method=driven)[0].evaluation
    assert evaluation is not None
    assert (evaluation.verdict.outcome, evaluation.verdict.direction) == ("failed", "overshot")
    assert evaluation.estimands[0].estimate < -0.5


# What a finished job leaves.


def test_the_result_on_disk_is_the_one_returned_and_names_every_file(finished: RunJob) -> None:
    result, out = finished()
    assert JobResult.from_json(json.loads((out / "result.json").read_bytes())) == result
    present = {str(f.relative_to(out)) for f in out.rglob("*") if f.is_file()} - {"result.json"}
    assert dict(result.files) == {name: file_digest(out / name) for name in present}
    assert result.model_digest == model_digest(out / "model")


def test_everything_judged_and_reported_can_be_recomputed_from_the_outputs(finished: RunJob) -> None:
    for changes in ({}, {"method": MethodChoice("retrain")}):
        result, out = finished(**changes)
        method = changes.get("method", MethodChoice("nothing")).name
        assert evaluated_again(result, out, PROTOCOL, method, "causal_lm") == result.evaluation


def test_the_gap_is_the_difference_of_two_plain_means(finished: RunJob) -> None:
    import pyarrow.parquet as pq

    result, out = finished()
    rows = [r for r in pq.read_table(out / "outputs" / "examples.parquet").to_pylist() if r["set"] == "forget"]
    means = {g: np.mean([r["margin"] for r in rows if r["group"] == g]) for g in ("original", "oracle")}
    assert result.evaluation is not None
    assert result.evaluation.gap == pytest.approx(means["original"] - means["oracle"])


def test_every_metric_is_reported_with_its_oracles(finished: RunJob) -> None:
    evaluation = finished()[0].evaluation
    assert evaluation is not None
    of_long_texts = {"passage_extraction", "passage_prompts"}  # and these are short
    assert {m.name for m in evaluation.metrics} == set(metrics_of(PROTOCOL, "causal_lm")) - of_long_texts
    assert all(m.oracles for m in evaluation.metrics)
    of_each = [m for m in evaluation.metrics if issubclass(METRICS[m.name], ModelMetric)]
    assert of_each
    assert all(len(m.oracles) == len(PROTOCOL.oracle_seeds) for m in of_each)
    assert all(math.isfinite(v) for m in evaluation.metrics for v in (m.unlearned, m.original, *m.oracles))


def test_the_answers_of_three_models_are_kept_and_are_those_that_were_compared(finished: RunJob) -> None:
    import pyarrow.parquet as pq

    result, out = finished()
    rows = pq.read_table(out / "outputs" / "answers.parquet").to_pylist()
    assert "outputs/answers.parquet" in result.files
    assert {(row["group"], row["seed"]) for row in rows} == {("original", 1), ("unlearned", 1), ("oracle", 11)}
    said = {(row["group"], row["example_id"]): row["answer"] for row in rows if row["set"] == "forget"}
    assert said["original", FORGET[0]] == said["unlearned", FORGET[0]] == "Orvane is known for amber."
    assert said["oracle", FORGET[0]] != said["original", FORGET[0]]
    outputs = Outputs.read(out / "outputs" / "examples.parquet")
    recalls = {group: outputs.matrix(group, "forget", "rouge_l")[0] for group in ("original", "oracle")}
    assert (recalls["original"] == 1).all()
    assert (recalls["oracle"] < 1).all()


def test_an_attack_by_relearning_is_reported_where_the_protocol_asks_for_it(finished: RunJob) -> None:
    result, out = finished(protocol=replace(SHORT, relearning=4, metrics=("relearning",)))
    assert result.evaluation is not None
    [finding] = result.evaluation.metrics
    assert (finding.name, finding.examples, len(finding.oracles)) == ("relearning", "forget", len(SHORT.oracle_seeds))
    assert finding.original > max(finding.oracles)
    relearned = Outputs.read(out / "outputs" / "examples.parquet").matrix("unlearned", "forget", "relearned")
    assert np.isfinite(relearned[0]).sum() == 1
    assert np.isnan(relearned[1:]).all(), "replicates are not attacked"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"forget_ids": FORGET[:1]}, "an example to learn from and another one to watch"),
        ({"recipe": Recipe("logistic", LogisticArchitecture(), epochs=1, batch_size=8, learning_rate=0.1)}, "step by step"),
    ],
)
def test_an_attack_that_cannot_be_carried_out_is_refused_before_anything_runs(
    spec: JobSpec, changes: dict[str, Any], reason: str
) -> None:
    attacked = replace(spec, protocol=replace(SHORT, relearning=4), **changes)
    with pytest.raises(SpecError, match=reason):
        check_unlearning(attacked, Snapshot.open(spec.snapshot.path))


def test_a_job_about_a_classifier_of_texts_reports_what_classifiers_have(note_spec: JobSpec, tmp_path: Path) -> None:
    protocol = Protocol((2, 3), (11, 12, 13, 14, 15, 16))
    recipe = replace(note_spec.recipe, epochs=4)
    result = run(
        replace(note_spec, recipe=recipe, method=MethodChoice("retrain"), protocol=protocol), tmp_path / "out", quiet
    )
    assert result.evaluation is not None
    assert {metric.name for metric in result.evaluation.metrics} == set(metrics_of(protocol, "text_classifier"))
    assert result.evaluation.verdict.outcome != "failed", result.evaluation.estimands
    outputs = Outputs.read(tmp_path / "out" / "outputs" / "examples.parquet")
    assert all(np.isnan(outputs.matrix("oracle", "forget", name)).all() for name in ("rouge_l", "min_k", "truth_ratio"))
    assert evaluated_again(result, tmp_path / "out", protocol, "retrain", "text_classifier") == result.evaluation
    assert not (tmp_path / "out" / "outputs" / "answers.parquet").exists()
    assert not any("forget quality" in limit for limit in result.evaluation.limits)


def test_the_retain_digest_and_count_leave_the_forget_set_out(finished: RunJob, trainer: Trainer) -> None:
    result, _ = finished()
    retain = [e.id for e in trainer.training_data.snapshot.examples("train") if e.id not in FORGET]
    assert result.train_examples == len(retain)
    assert result.retain_digest == trainer.training_data.snapshot.manifest_digest(retain)


def test_the_shipped_model_is_a_model_that_the_next_job_takes(finished: RunJob, spec: JobSpec, tmp_path: Path) -> None:
    result, out = finished(method=MethodChoice("retrain"))
    base = ModelRef(str(out / "model"), result.model_digest)
    load_model(base)
    next_spec = replace(
        spec,
        model=base,
        earlier=(UnlearningStep(MethodChoice("retrain"), FORGET),),
        forget_ids=("e00000002", "e00000003"),
        method=MethodChoice("retrain"),
        protocol=SHORT,
    )
    second = run(next_spec, tmp_path / "out", quiet)
    assert second.train_examples == result.train_examples - 2
    assert second.evaluation is not None
    assert second.evaluation.gap is not None
    assert second.evaluation.gap > 2


def test_an_earlier_step_is_replayed_on_the_replicates(spec: JobSpec, tmp_path: Path) -> None:
    earlier = UnlearningStep(MethodChoice("npo", {"steps": 3}), ("e00000004",))
    result = run(replace(spec, earlier=(earlier,), forget_ids=("e00000006",), protocol=SHORT), tmp_path / "out", quiet)
    assert result.evaluation is not None
    outputs = Outputs.read(tmp_path / "out" / "outputs" / "examples.parquet")
    assert "e00000004" not in {*outputs.ids["retain"], *outputs.ids["forget"]}


def test_progress_runs_through_all_stages_and_each_reaches_its_total(spec: JobSpec, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(replace(spec, method=MethodChoice("npo", {"steps": 5}), protocol=SHORT), tmp_path / "out", seen.append)
    assert list(dict.fromkeys(p.stage for p in seen)) == ["load", "unlearn", "process", "replicates", "oracles", "evaluate"]
    for stage in {p.stage for p in seen}:
        own = [p for p in seen if p.stage == stage]
        assert [p.done for p in own] == sorted(p.done for p in own)
        assert own[-1].done == own[-1].total
    assert {p.stage for p in seen if p.point} == {"unlearn"}
    result = JobResult.from_json(json.loads((tmp_path / "out" / "result.json").read_bytes()))
    assert {c.name: len(c.points) for c in result.curves} == {"loss": 5, "forget": 5, "retain": 5}


def test_the_way_of_every_forgotten_example_is_kept_with_its_band(finished: RunJob) -> None:
    result, out = finished(method=MethodChoice("npo", {"steps": 5}))
    assert result.trajectory is not None
    outputs = Outputs.read(out / "outputs" / "examples.parquet")
    oracles = outputs.matrix("oracle", "forget", "margin")
    assert [e.example_id for e in result.trajectory.examples] == list(FORGET)
    assert result.trajectory.steps == (0, 1, 2, 3, 4, 5)
    for column, example in enumerate(result.trajectory.examples):
        assert example.oracle_mean == pytest.approx(oracles[:, column].mean(), abs=1e-3)
        assert example.oracle_deviation == pytest.approx(oracles[:, column].std(ddof=1), abs=1e-3)
        for group, step in (("original", 0), ("unlearned", -1)):
            measured = outputs.matrix(group, "forget", "margin")[0, column]  # type: ignore[arg-type]  # a literal
            assert example.margins[step] == pytest.approx(measured, abs=2e-3)
    log = MarginLog.read(out / "outputs" / "trajectory.parquet", result.trajectory.stop)
    assert build_trajectory(log, dict(zip(outputs.ids["forget"], oracles.T, strict=True))) == result.trajectory


def test_a_method_without_steps_leaves_no_trajectory(finished: RunJob) -> None:
    result, out = finished()
    assert result.trajectory is None
    assert not (out / "outputs" / "trajectory.parquet").exists()


def test_the_cost_is_a_share_of_an_oracle_that_was_trained_alone_in_the_same_run(leaf_spec: JobSpec, tmp_path: Path) -> None:
    method = MethodChoice("gradient_difference", {"steps": 3, "retain_batch": 8})
    protocol = Protocol((2, 3), (11, 12, 13, 14, 15, 16), metrics=())
    recipe = replace(leaf_spec.recipe, epochs=2)
    spec = replace(leaf_spec, cache=str(tmp_path / "cache"), recipe=recipe, method=method, protocol=protocol)
    first, again = (run(spec, tmp_path / folder, quiet) for folder in ("first", "again"))
    assert first.efficiency is not None
    assert again.efficiency is not None
    assert first.efficiency.retrainings == 1  # the others were trained together, which tells nothing about one
    assert first.efficiency.examples_share == pytest.approx(3 * (12 + 8) / (2 * first.train_examples))
    assert first.efficiency.wall_share is not None
    assert first.efficiency.wall_share > 0
    assert (again.efficiency.retrainings, again.efficiency.wall_share) == (0, None)
    assert "not known" in again.efficiency.note


def test_the_samples_are_those_of_the_protocols_seed(spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compliance.formats.protocol.FEWEST_EXAMPLES", 1)  # the corpus is tiny
    ids = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        protocol = replace(SHORT, max_retain_examples=4, max_held_out_examples=3, sample_seed=seed)
        run(replace(spec, protocol=protocol), tmp_path / folder, quiet)
        ids.append(Outputs.read(tmp_path / folder / "outputs" / "examples.parquet").ids)
    assert ids[0] == ids[1]
    assert (len(ids[0]["retain"]), len(ids[0]["held_out"])) == (4, 3)
    assert ids[0]["retain"] != ids[2]["retain"] or ids[0]["held_out"] != ids[2]["held_out"]


def test_a_train_job_leaves_a_model_that_knows_its_examples(spec: JobSpec, tmp_path: Path) -> None:
    train = replace(spec, kind="train", forget_ids=(), method=None, protocol=None)
    result = run(train, tmp_path / "out", quiet)
    assert result.evaluation is None
    assert result.training_metrics["exact_memorization"] > 0.99
    family = load_model(ModelRef(str(tmp_path / "out" / "model"), result.model_digest)).family
    assert isinstance(family, CausalLmFamily)
    assert family.max_length == 96


# What cannot be done is refused before any work, and leaves nothing that looks finished.


def test_a_job_encodes_the_training_examples_once(
    leaf_spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Originals, replicates, oracles and the method share one copy of the corpus."""
    encode, read = ClassifierFamily.encode, list[set[str]]()

    def noted(self: ClassifierFamily, examples: Iterable[Example]) -> Arrays:
        requested = list(examples)
        read.append({example.id for example in requested})
        return encode(self, requested)

    monkeypatch.setattr(ClassifierFamily, "encode", noted)
    protocol = Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16))
    run(replace(leaf_spec, cache=str(tmp_path / "cache"), protocol=protocol), tmp_path / "out", quiet)
    training = {e.id for e in Snapshot.open(leaf_spec.snapshot.path).examples("train")}
    assert sum(training <= ids for ids in read) == 1
