"""What all metrics of groups of models share."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import add_group
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.evaluation.metrics.group_metric import GroupMetric, oracle_splits
from unlearning_jobs.engine.evaluation.outputs import Outputs

GROUP_METRICS = [name for name, metric in METRICS.items() if issubclass(metric, GroupMetric)]


def outputs_of(models: int, oracles: int, *, level: float = 0.0) -> Outputs:
    rng, outputs = np.random.default_rng(7), Outputs()
    for group, count, shift in (("original", models, 4.0), ("unlearned", models, level), ("oracle", oracles, 0.0)):
        for name in ("forget", "retain"):
            margin = {"margin": rng.normal(shift if name == "forget" else 0, 1, (count, 25))}
            add_group(outputs, group, name, 1, margin)  # type: ignore[arg-type]  # a literal
    return outputs


@pytest.mark.parametrize("metric", GROUP_METRICS)
def test_like_the_oracles_lies_near_the_floor_and_doing_nothing_far_above(metric: str) -> None:
    forget, retain = METRICS[metric]().findings(outputs_of(100, 100))
    assert (forget.examples, retain.examples) == ("forget", "retain")
    floor = np.mean(forget.oracles)
    assert forget.original - floor > 5 * abs(forget.unlearned - floor)
    assert retain.original - floor < 0.2 * (forget.original - floor)


@pytest.mark.parametrize("metric", GROUP_METRICS)
def test_there_is_no_finding_with_one_model_too_few_on_any_side(metric: str) -> None:
    fewest = METRICS[metric].fewest_models
    assert len(list(METRICS[metric]().findings(outputs_of(fewest, fewest)))) == 2
    assert list(METRICS[metric]().findings(outputs_of(fewest - 1, fewest))) == []
    assert list(METRICS[metric]().findings(outputs_of(fewest, fewest - 1))) == []


@pytest.mark.parametrize("metric", GROUP_METRICS)
def test_the_floor_needs_twice_as_many_oracles_and_its_absence_is_said(metric: str) -> None:
    fewest = METRICS[metric].fewest_models
    [with_floor, _], [without, _] = (
        METRICS[metric]().findings(outputs_of(fewest, count)) for count in (2 * fewest, 2 * fewest - 1)
    )
    assert len(with_floor.oracles) == 5
    assert without.oracles == ()
    assert "No noise floor" in without.note


def test_groups_are_of_equal_size_and_the_reference_shares_no_oracle_with_the_floor() -> None:
    unlearned, original, oracles = (np.arange(count, dtype=float)[:, None] for count in (6, 7, 9))
    for split in oracle_splits(unlearned, original, oracles):
        groups = (split.unlearned, split.original, split.oracles, split.reference)
        assert [len(set(group.ravel())) for group in groups] == [4, 4, 4, 4]
        assert not set(split.oracles.ravel()) & set(split.reference.ravel())


def test_the_splits_are_the_same_every_time() -> None:
    models = np.arange(9.0)[:, None]
    first, again = (oracle_splits(models, models, models) for _ in range(2))
    assert all(np.array_equal(a.reference, b.reference) for a, b in zip(first, again, strict=True))
    assert len({tuple(split.reference.ravel()) for split in first}) == len(first)


@pytest.mark.parametrize("metric", GROUP_METRICS)
def test_models_like_oracles_are_at_the_floor_however_many_there_are(metric: str) -> None:
    """A floor of fewer models than the value is of would lie above it, and flatter every method."""
    rng = np.random.default_rng(8)
    fewest = METRICS[metric].fewest_models
    values, floors = [], []
    for _ in range(20):
        unlearned, oracles = rng.normal(size=(2 * fewest, 40)), rng.normal(size=(2 * fewest, 40))
        outputs = Outputs()
        for group, margin in (("original", unlearned), ("unlearned", unlearned), ("oracle", oracles)):
            add_group(outputs, group, "forget", 1, {"margin": margin})  # type: ignore[arg-type]  # a literal
        [finding] = METRICS[metric]().findings(outputs)
        values.append(finding.unlearned)
        floors.append(np.mean(finding.oracles))
    error = np.std(np.array(values) - np.array(floors)) / 20**0.5
    assert np.mean(values) == pytest.approx(np.mean(floors), abs=4 * error)


def test_what_is_pinned_about_klom_goes_into_the_report() -> None:
    [forget, _] = METRICS["klom"]().findings(outputs_of(50, 50))
    for pinned in ("KL(unlearned || oracle)", "20 bins", "floor 1e-05", "±100", "11.51"):
        assert pinned in forget.note
