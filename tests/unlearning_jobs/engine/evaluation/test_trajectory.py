"""Missing targets, made visible: on ways through a run that were drawn by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlearning_jobs.engine.contracts import ExampleTrajectory, Trajectory
from unlearning_jobs.engine.evaluation.trajectory import BAND, MarginLog, build_trajectory

ORACLES = np.array([-1.0, 0.0, 1.0])  # mean 0, standard deviation 1: the band is from -2 to 2
STEPS = (0, 10, 20, 30, 40)


def logged(ways: dict[str, list[float]], stop: int = 40) -> MarginLog:
    log = MarginLog()
    for column, step in enumerate(STEPS):
        log.note(step, {identifier: way[column] for identifier, way in ways.items()})
    log.stop = stop
    return log


def traced(ways: dict[str, list[float]], stop: int = 40) -> Trajectory:
    return build_trajectory(logged(ways, stop), dict.fromkeys(ways, ORACLES))


def only(way: list[float], stop: int = 40) -> ExampleTrajectory:
    return traced({"e00000001": way}, stop).examples[0]


def test_the_band_is_that_of_the_examples_own_oracles() -> None:
    log = logged({"a": [9.0, 8, 7, 6, 5], "b": [9.0, 8, 7, 6, 5]})
    result = build_trajectory(log, {"b": 5 + 0.1 * ORACLES, "a": ORACLES})
    assert [(e.example_id, e.oracle_mean, e.oracle_deviation, e.end) for e in result.examples] == [
        ("a", 0.0, 1.0, "undershot"),
        ("b", 5.0, 0.1, "within"),
    ]


@pytest.mark.parametrize(
    ("way", "entered", "left", "best", "end"),
    [
        ([9, 6, 3, 1.5, 1], 30, None, 40, "within"),
        ([9, 6, 1, -3, -9], 20, 30, 20, "overshot"),
        ([9, 8, 7, 6, 5], None, None, 40, "undershot"),
        ([9, -9, 9, -9, 9], None, None, 0, "undershot"),
        ([1, 0.5, 0, 0.5, 1], 0, None, 20, "within"),
        ([9, 1, 9, 1, 0], 10, 20, 40, "within"),
        ([2, -2, 3, 3, 3], 0, 20, 0, "undershot"),
    ],
)
def test_when_an_example_enters_its_band_leaves_it_and_where_it_ends(
    way: list[float], entered: int | None, left: int | None, best: int, end: str
) -> None:
    example = only(way)
    assert (example.entered, example.left, example.best_step, example.end) == (entered, left, best, end)


def test_the_end_is_that_of_the_shipped_model_and_not_of_the_last_step() -> None:
    assert only([9, 6, 1, -3, -9], stop=20).end == "within"
    assert only([9, 6, 1, -3, -9], stop=0).end == "undershot"


def test_a_run_that_went_back_stops_where_it_went_back_to() -> None:
    log = logged({"a": [9.0, 6, 1, -3, -9]})
    log.note(20, {"a": 1.0})
    assert log.stop == 20
    assert log.steps == STEPS
    log.note(25, {"a": -1.0})
    assert list(log.steps) == [0, 10, 20, 25, 30, 40]


def test_no_single_stop_fits_two_examples_that_are_forgotten_at_different_rates() -> None:
    result = traced({"fast": [8, 0, -8, -16, -24], "slow": [8, 6, 4, 2, 0]})
    # Mean distances over both: 8, 3, 6, 9, 12; and each at its own best step 0.
    assert [e.best_step for e in result.examples] == [10, 40]
    assert (result.best_single_stop, result.distance_at_best_single_stop) == (10, 3.0)
    assert (result.stop, result.distance_at_stop) == (40, 12.0)
    assert result.distance_at_own_stops == 0.0


@given(
    st.lists(st.lists(st.floats(-30, 30), min_size=5, max_size=5), min_size=1, max_size=6),
    st.lists(st.floats(-5, 5), min_size=2, max_size=5),
    st.sampled_from(STEPS),
)
def test_own_stops_are_never_farther_than_one_stop_and_that_never_farther_than_the_one_taken(
    ways: list[list[float]], oracles: list[float], stop: int
) -> None:
    named = {str(i): way for i, way in enumerate(ways)}
    result = build_trajectory(logged(named, stop), dict.fromkeys(named, np.array(oracles)))
    assert result.distance_at_own_stops <= result.distance_at_best_single_stop <= result.distance_at_stop
    for example in result.examples:
        reach = BAND * example.oracle_deviation
        inside = [abs(m - example.oracle_mean) <= reach + 0.01 for m in example.margins]
        assert example.entered is None or inside[STEPS.index(example.entered)]
        assert (example.left is None) or (example.entered is not None and example.left > example.entered)


def test_a_trajectory_survives_json() -> None:
    result = traced({"a": [9.00049, 6, 1, -3, -9], "b": [9, 8, 7, 6, 5]})
    assert Trajectory.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert result.examples[0].margins[0] == 9.0  # three places are enough for a chart


def test_every_margin_is_kept_unrounded_on_disk(tmp_path: Path) -> None:
    log = logged({"e00000001": [9.000491, 6, 1, -3, -9], "e00000002": [1, 2, 3, 4, 5]}, stop=30)
    log.write(tmp_path / "outputs" / "trajectory.parquet")
    table = pq.read_table(tmp_path / "outputs" / "trajectory.parquet")
    assert table.column_names == ["step", "example_id", "margin"]
    assert table.num_rows == 10
    assert MarginLog.read(tmp_path / "outputs" / "trajectory.parquet", 30) == log


def test_an_empty_log_is_none() -> None:
    assert not MarginLog()
    assert logged({"a": [1, 2, 3, 4, 5]})
