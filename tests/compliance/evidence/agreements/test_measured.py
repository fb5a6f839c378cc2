"""The verifier computes from the raw outputs what the engine computed, in both designs, at every look, in both scopes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compliance.evidence.agreements import MEASURED, Story, ToldReport, contradictions
from compliance.evidence.agreements.again import EARLIER_LOOKS
from compliance.evidence.agreements.judged import BESIDE, JUDGEMENT
from compliance.evidence.agreements.measured import can_be_held_out
from compliance.evidence.agreements.raw_outputs import read_outputs
from compliance.evidence.agreements.reasons import LOOK
from compliance.evidence.statements import Method, UnlearningReport
from compliance.formats.results import RESULT_VERSION
from tests import raw_outputs, staging
from tests.compliance.evidence.agreements.judged_again import LOGISTIC
from tests.factories import PROTOCOL, RECIPE
from unlearning_jobs.engine.catalogue import method_guarantee
from unlearning_jobs.engine.contracts import JobResult, JobSpec, MethodChoice, ModelRef, Protocol, SnapshotRef
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

DIGEST = "5" * 64
PAIRED = replace(PROTOCOL, replicate_seeds=(11, 12, 13, 14, 15), oracle_seeds=(21, 22), design="paired", looks=2)
LOOKS = replace(PROTOCOL, replicate_seeds=(11, 12, 13), oracle_seeds=tuple(range(21, 29)), looks=2)
DECLARED = replace(LOOKS, replicate_seeds=(11, 12, 13, 14, 15), assurance="declared")
ALONE = replace(PROTOCOL, replicate_seeds=())
"""Exact methods need no replicates: only the shipped model is judged."""
OWN, SHIPPED = ModelKey("oracle", 7), ModelKey("unlearned", 7)
BY_ITSELF = [pair for pair in (*JUDGEMENT, *BESIDE) if pair.first is not LOOK]
"""What a result says about itself, at whatever look."""
OUTCOMES = ("passed", "failed", "inconclusive", "no_influence")


def told(
    folder: Path,
    protocol: Protocol,
    look: int = 1,
    change: Callable[[Outputs], object] = lambda _outputs: None,
    outcome: str = "passed",
    *,
    method: str = "",
) -> Story:
    """What the engine itself finds in staged outputs, after a change of them."""
    spec = JobSpec(
        kind="unlearn",
        reference="request:LE-1#item-1",
        snapshot=SnapshotRef("corpus", DIGEST),
        model=ModelRef("model", DIGEST),
        recipe=LOGISTIC if method == "certified_removal" else RECIPE,
        seed=7,
        cache="cache",
        forget_ids=("e00000001", "e00000002", "e00000003"),
        method=MethodChoice(method or ("npo" if protocol.replicate_seeds else "retrain")),
        protocol=protocol,
    )
    assert spec.method is not None
    method, process = spec.method.name, staging.process(spec, outcome)
    outputs = raw_outputs.staged(spec, outcome, look)
    change(outputs)
    outputs.write(folder / "examples.parquet")
    found = evaluate(outputs, protocol, method, "causal_lm", look=look, process=process)
    digests = dict.fromkeys(
        ("spec_sha256", "snapshot_sha256", "manifest_root", "forget_set_sha256", "recipe_sha256"), DIGEST
    )
    report = UnlearningReport(
        request="LE-1",
        item="item-1",
        attempt=1,
        method=Method(method, method_guarantee(method), {}),
        protocol=protocol.to_json(),
        protocol_sha256=protocol.digest(),
        forget_count=3,
        base_model_sha256=DIGEST,
        result_model_sha256=DIGEST,
        started_at="2026-11-20T09:00:00.000000Z",
        finished_at="2026-11-20T10:00:00.000000Z",
        verdict=found.verdict,
        does_not_show=found.limits,
        environment={},
        **digests,
    )
    result = JobResult(
        *("unlearn", "", DIGEST, DIGEST, {"model/model.safetensors": staging.WEIGHTS}, 17, 9, (), {}, {}, staging.RETAINED),
        evaluation=found,
        certificate=staging.certificate(spec),
        second_training=staging.second_training(spec, outcome),
        version=RESULT_VERSION,
    )
    read = read_outputs(folder / "examples.parquet")
    story = ToldReport(report, {}, json.loads(json.dumps(result.to_json())), spec.to_json(), read)
    return Story("LE-1", (), reports={("item-1", 1): story})


def found(story: Story) -> str:
    """What contradicts the outputs, at whatever look."""
    return " ".join(contradictions(story, [pair for pair in MEASURED if pair.first is not EARLIER_LOOKS]))


def decided_before(story: Story) -> str:
    return " ".join(contradictions(story, [pair for pair in MEASURED if pair.first is EARLIER_LOOKS]))


def again(story: Story) -> Story:
    """The same story, read again after a change."""
    return replace(story, reports={attempt: replace(one) for attempt, one in story.reports.items()})


def evaluation_of(story: Story) -> dict[str, Any]:
    evaluation: dict[str, Any] = story.reports["item-1", 1].result["evaluation"]
    return evaluation


DESIGNS = pytest.mark.parametrize(
    ("protocol", "look"),
    [(PROTOCOL, 1), (LOOKS, 1), (LOOKS, 2), (PAIRED, 1), (PAIRED, 2), (ALONE, 1), (DECLARED, 2)],
    ids=["independent", "first look", "second look", "paired first look", "paired second look", "alone", "declared"],
)


@DESIGNS
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_the_engine_found_is_computed_again(tmp_path: Path, protocol: Protocol, look: int, outcome: str) -> None:
    story = told(tmp_path, protocol, look, outcome=outcome)
    assert found(story) == ""
    assert " ".join(contradictions(story, BY_ITSELF)) == ""


@DESIGNS
@pytest.mark.parametrize("scope", ["method", "shipped"])
def test_another_estimate_of_either_scope_is_noticed(tmp_path: Path, protocol: Protocol, look: int, scope: str) -> None:
    story = told(tmp_path, protocol, look)
    findings = [one for one in evaluation_of(story)["estimands"] if one.get("scope", "method") == scope]
    assert bool(findings) == (protocol is not ALONE or scope == "shipped")
    for finding in findings:
        before = finding["estimate"]
        finding["estimate"] += 0.01
        assert "the raw outputs give other estimates" in found(again(story))
        finding["estimate"] = before


@pytest.mark.parametrize(
    ("protocol", "outcome"),
    [(PAIRED, "passed"), (PAIRED, "failed"), (LOOKS, "failed"), (PAIRED, "no_influence"), (LOOKS, "no_influence")],
)
def test_a_look_is_not_told_after_one_that_had_decided(tmp_path: Path, protocol: Protocol, outcome: str) -> None:
    assert evaluation_of(told(tmp_path, protocol, 1, outcome=outcome))["verdict"]["outcome"] == outcome
    assert f'"look 1":"{outcome}"' in decided_before(told(tmp_path, protocol, 2, outcome=outcome))


def test_a_look_is_not_told_after_one_at_which_the_models_were_destroyed(tmp_path: Path) -> None:
    def broken(outputs: Outputs) -> None:
        outputs.values[SHIPPED, "forget"][:] = np.nan

    assert "had decided" in decided_before(told(tmp_path, LOOKS, 2, broken))


@pytest.mark.parametrize("protocol", [LOOKS, PAIRED], ids=["independent", "paired"])
def test_a_look_is_told_after_one_that_decided_nothing(tmp_path: Path, protocol: Protocol) -> None:
    assert evaluation_of(told(tmp_path, protocol, 1, outcome="inconclusive"))["verdict"]["outcome"] == "inconclusive"
    assert decided_before(told(tmp_path, protocol, 2, outcome="inconclusive")) == ""
    assert decided_before(told(tmp_path, protocol, 1)) == ""


@pytest.mark.parametrize("look", [2, 3])
def test_models_of_another_look_than_the_stated_one_are_noticed(tmp_path: Path, look: int) -> None:
    story = told(tmp_path, PAIRED, 1)
    evaluation_of(story)["look"] = look
    assert "other models were measured than the protocol names" in found(again(story))


def test_the_pairs_of_an_independent_design_are_noticed(tmp_path: Path) -> None:
    story = told(tmp_path, PAIRED, 2)
    story.reports["item-1", 1].spec["protocol"]["design"] = "independent"
    assert "other models were measured than the protocol names" in found(again(story))


def test_the_shipped_model_is_compared_with_its_own_oracle(tmp_path: Path) -> None:
    def swapped(outputs: Outputs) -> None:
        other = ModelKey("oracle", 21)
        tables = outputs.values[OWN, "forget"], outputs.values[other, "forget"]
        outputs.values[other, "forget"], outputs.values[OWN, "forget"] = tables

    honest = told(tmp_path, PAIRED, 2)
    lie = evaluation_of(told(tmp_path, PAIRED, 2, swapped))
    evaluation_of(honest).update(lie)
    assert "the raw outputs give other estimates" in found(again(honest))


def test_answers_that_are_no_numbers_are_no_findings(tmp_path: Path) -> None:
    def broken(outputs: Outputs) -> None:
        outputs.values[ModelKey("unlearned", 7), "retain"][:] = np.nan

    story = told(tmp_path, PROTOCOL, 1, broken)
    assert evaluation_of(story)["gap"] is None
    assert found(story) == ""
    evaluation_of(story)["gap"] = 2.7
    assert "the raw outputs are numbers and the result says that they are not" in found(again(story))


def test_an_original_that_knows_no_more_than_its_oracle_gives_no_unit(tmp_path: Path) -> None:
    def known(outputs: Outputs) -> None:
        outputs.values[OWN, "forget"][:, 0] = 9.0

    story = told(tmp_path, PAIRED, 2, known)
    shipped = [one for one in evaluation_of(story)["estimands"] if one.get("scope") == "shipped"]
    assert shipped[0]["estimate"] == -1000.0
    assert found(story) == ""


def untouched(outputs: Outputs) -> None:
    """The shipped model is its original; only the replicates were unlearned."""
    for name in outputs.ids:
        outputs.values[SHIPPED, name] = outputs.values[ModelKey("original", 7), name]


def without_a_seed(outputs: Outputs) -> None:
    """Training does not depend on the seed: all oracles, and all models unlearned exactly, are one model."""
    for (model, name), table in list(outputs.values.items()):
        if model.group != "original":
            outputs.values[model, name] = outputs.values[ModelKey("oracle", 21), name].copy()
        else:
            outputs.values[model, name] = table


def ties(outputs: Outputs) -> None:
    """Margins are level up to rounding."""
    for table in outputs.values.values():
        table[:, 0] = np.round(table[:, 0], 1) + 1e-9 * np.arange(len(table))


@DESIGNS
@pytest.mark.parametrize("change", [untouched, without_a_seed, ties])
def test_odd_models_are_computed_again(
    tmp_path: Path, protocol: Protocol, look: int, change: Callable[[Outputs], None]
) -> None:
    story = told(tmp_path, protocol, look, change)
    assert found(story) == ""
    assert " ".join(contradictions(story, BY_ITSELF)) == ""


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ({"held_out": ["a"]}, True),
        ({"held_out": ["a", "x"]}, True),
        ({"held_out": ["x", "y"]}, False),
        ({"held_out": ["r"]}, False),
        ({"held_out": ["b"]}, False),
        ({"authors": ["b", "x", "y"]}, True),
        ({"authors": ["a"]}, False),
        ({"others": ["x"]}, False),
        ({}, True),
    ],
)
def test_an_accepted_example_is_in_the_set_in_which_it_was_measured_or_is_one_of_those_that_were_not(
    said: dict[str, list[str]], fits: bool
) -> None:
    there = {
        "measured": {"held_out": ["a"], "authors": ["b"]},
        "retain": ["r"],
        "counts": {"train": 9, "held_out": 2, "authors": 3},
    }
    assert can_be_held_out(said, there) == fits


def near_the_threshold(outputs: Outputs) -> None:
    """The originals know one of the three examples 2.9 standard errors better than the oracles."""
    originals, oracles = outputs.models("original"), outputs.models("oracle")
    for number, model in enumerate(oracles):
        outputs.values[model, "forget"][:, 0] = 0.25 * (-1) ** number
    error = np.std([outputs.values[model, "forget"][0, 0] for model in oracles], ddof=1)
    error *= (1 / len(originals) + 1 / len(oracles)) ** 0.5
    for model in originals:
        outputs.values[model, "forget"][:, 0] = (0.0, 0.0, 2.9 * error)


@pytest.mark.parametrize(("version", "memorised"), [(2, 0), (3, 1)])
def test_examples_are_counted_as_memorised_as_the_version_of_the_result_says(
    tmp_path: Path, version: int, memorised: int
) -> None:
    """Version 2 asked for three standard errors, whatever the number of examples and models."""
    story = told(tmp_path, PROTOCOL, 1, near_the_threshold)
    result = story.reports["item-1", 1].result
    assert result["evaluation"]["influence"]["memorised"] == 1
    result["version"], result["evaluation"]["influence"]["memorised"] = version, memorised
    assert "another influence" not in found(again(story))
    result["evaluation"]["influence"]["memorised"] = 1 - memorised
    assert "another influence" in found(again(story))
