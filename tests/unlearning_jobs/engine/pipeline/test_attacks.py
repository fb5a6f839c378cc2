"""Attacks within a whole job: carried out on the production model and the oracles, and on no replicate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compliance.evidence.agreements.raw_outputs import read_outputs
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.cache import Trainer

from .conftest import FORGET, PROTOCOL, SHORT, RunJob, evaluated_again, quiet

ASKED = replace(PROTOCOL, attacks=("difference", "quantized_4", "quantized_8", "prefix", "hinted"), metrics=None)


def test_a_model_that_was_really_retrained_gives_away_what_oracles_do(finished: RunJob) -> None:
    result, out = finished(protocol=ASKED, method=MethodChoice("retrain"))
    assert result.evaluation is not None
    found = {finding.name: finding for finding in result.evaluation.metrics}
    assert {*ASKED.attacks, "prefix_extraction"} <= set(found)
    for name in ASKED.attacks:
        finding = found[name]
        low, high = min(finding.oracles), max(finding.oracles)
        assert low - (high - low) <= finding.unlearned <= high + (high - low), name
    assert all(found[name].original > 0.5 > max(found[name].oracles) for name in ("quantized_8", "prefix", "hinted"))
    assert found["difference"].unlearned > 0.9, "also after exact retraining"
    assert "1 of the forget examples stood before each of 1 others" in found["hinted"].note
    # The raw outputs give the same again, and the verifier reads them.
    assert evaluated_again(result, out, ASKED, "retrain", "causal_lm") == result.evaluation
    assert read_outputs(out / "outputs" / "examples.parquet").ids("forget") == list(FORGET)


def test_who_does_nothing_gives_away_what_the_original_does_and_replicates_are_not_attacked(finished: RunJob) -> None:
    asked = replace(SHORT, attacks=("quantized_8", "prefix"), metrics=("quantized_8", "prefix"))
    result, out = finished(protocol=asked)
    assert result.evaluation is not None
    assert {finding.name for finding in result.evaluation.metrics} == {"quantized_8", "prefix", "prefix_extraction"}
    for finding in (one for one in result.evaluation.metrics if one.name != "prefix_extraction"):
        assert finding.unlearned == pytest.approx(finding.original)
        assert finding.original > max(finding.oracles)
    outputs = Outputs.read(out / "outputs" / "examples.parquet")
    for name in asked.attacks:
        matrix = outputs.matrix("unlearned", "forget", name)
        assert np.isfinite(matrix[0]).all()
        assert np.isnan(matrix[1:]).all()
        assert np.isfinite(outputs.matrix("oracle", "forget", name)).all()


def test_an_attack_that_needs_more_than_there_is_stops_the_job_before_anything_is_trained(
    spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: object, **__: object) -> None:
        pytest.fail("something was trained")

    monkeypatch.setattr(Trainer, "obtain", trained)
    for attack, reason in (("probe", "needs 10 examples"), ("lens", "no layer before"), ("telepathy", "no attack")):
        asked = replace(spec, protocol=replace(SHORT, attacks=(attack,), metrics=None))
        with pytest.raises(SpecError, match=reason):
            run(asked, tmp_path / attack, quiet)
        assert not (tmp_path / attack).exists()


def test_so_does_one_that_only_the_tokens_rule_out(spec: JobSpec, trainer: Trainer, tmp_path: Path) -> None:
    """The model reads each example, and no two of those to forget together."""
    snapshot, family = trainer.training_data.snapshot, trainer.training_data.family
    longest = max(len(one.ids) for one in family.encode(snapshot.examples()).encoded)  # type: ignore[attr-defined]  # a family of texts
    short = replace(spec.recipe, architecture=replace(spec.recipe.architecture, max_length=longest))  # type: ignore[call-arg]  # it has this field
    asked = replace(spec, recipe=short, protocol=replace(SHORT, attacks=("hinted",), metrics=None))
    with pytest.raises(ObstacleError, match="no two examples to forget fit"):
        run(asked, tmp_path / "out", quiet)
    assert not (tmp_path / "out").exists()
