"""A model that was trained elsewhere is held against its declared recipe, and nobody says so without that."""

from __future__ import annotations

from pathlib import Path

from compliance.evidence.agreements import contradictions
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .test_measured import BY_ITSELF, DECLARED, again, evaluation_of, found, told


def another_original(outputs: Outputs) -> None:
    """The model to unlearn was made otherwise than its declared recipe makes models."""
    outputs.values[ModelKey("original", 7), "retain"][:, 0] += 9.0


def test_a_declared_model_that_its_recipe_does_not_give_is_not_said_to_be_one(tmp_path: Path) -> None:
    story = told(tmp_path, DECLARED, 2, another_original)
    evaluation = evaluation_of(story)
    [control] = [one for one in evaluation["controls"] if one["name"] == "declared_against_replicates"]
    assert (control["behaved"], evaluation["verdict"]["outcome"]) == (False, "inconclusive")
    control["behaved"] = True
    assert "the controls did not behave as is stated" in found(again(story))


def test_the_comparison_with_the_declared_recipe_is_not_left_out(tmp_path: Path) -> None:
    story = told(tmp_path, DECLARED, 2)
    kept = [one for one in evaluation_of(story)["controls"] if one["name"] != "declared_against_replicates"]
    evaluation_of(story)["controls"] = kept
    assert "these are not the controls of the protocol's design" in " ".join(contradictions(again(story), BY_ITSELF))
