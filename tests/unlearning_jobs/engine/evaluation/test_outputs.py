"""Raw outputs on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import MakeOutputs
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS


def test_outputs_come_back_as_they_were_written(make_outputs: MakeOutputs, tmp_path: Path) -> None:
    outputs = make_outputs(0.3, np.random.default_rng(0))
    outputs.write(tmp_path / "o" / "examples.parquet")
    again = Outputs.read(tmp_path / "o" / "examples.parquet")
    assert again.ids == outputs.ids
    assert list(again.values) == list(outputs.values)
    for key, table in outputs.values.items():
        np.testing.assert_array_equal(again.values[key], table)


def test_one_row_per_model_example_and_set_and_no_text(make_outputs: MakeOutputs, tmp_path: Path) -> None:
    make_outputs(0.3, np.random.default_rng(0)).write(tmp_path / "examples.parquet")
    table = pq.read_table(tmp_path / "examples.parquet")
    assert table.column_names == ["group", "seed", "set", "example_id", *STATISTICS]
    assert table.num_rows == 16 * (5 + 9 + 7)
    assert table["truth_ratio"].null_count == table.num_rows


def test_models_measured_on_different_examples_are_refused() -> None:
    outputs = Outputs()
    row = dict.fromkeys(STATISTICS, 0.0)
    outputs.add(ModelKey("oracle", 1), "forget", ["e00000000"], [row])
    with pytest.raises(ValueError, match="different examples"):
        outputs.add(ModelKey("oracle", 2), "forget", ["e00000001"], [row])


def test_statistics_that_came_later_are_missing_in_older_files(tmp_path: Path, make_outputs: MakeOutputs) -> None:
    make_outputs(0.3, np.random.default_rng(0)).write(tmp_path / "examples.parquet")
    older = pq.read_table(tmp_path / "examples.parquet").drop_columns(["relearned", "verbatim"])
    pq.write_table(older, tmp_path / "older.parquet")
    again = Outputs.read(tmp_path / "older.parquet")
    assert np.isnan(again.matrix("oracle", "forget", "relearned")).all()
    assert np.isfinite(again.matrix("oracle", "forget", "margin")).all()
