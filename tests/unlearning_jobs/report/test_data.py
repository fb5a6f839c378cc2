"""The raw outputs of an evaluation, as the report reads them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.factories import unlearning_job
from unlearning_jobs.engine.artefacts import file_digest
from unlearning_jobs.models import Job
from unlearning_jobs.report.data import OUTPUTS, margins_of

pytestmark = pytest.mark.django_db
ROWS: dict[str, list[object]] = {
    "group": ["original", "original", "unlearned", "unlearned"],
    "seed": [7, 7, 7, 7],
    "set": ["forget", "forget", "forget", "retain"],
}
MARGINS = [3.0, 1.0, 0.5, None]


@pytest.fixture
def job(artefacts: Path) -> Job:
    job = unlearning_job()
    job.output = f"jobs/{job.pk}/run-1"
    (artefacts / job.output / "outputs").mkdir(parents=True)
    return job


def outputs_write(folder: Path, id_column: str) -> dict[str, str]:
    """Writes the outputs; returns the digests that a result names."""
    columns = ROWS | {id_column: ["e1", "e2", "e1", "e3"], "margin": MARGINS}
    parquet.write_table(pa.table(columns), folder / OUTPUTS)
    return {OUTPUTS: file_digest(folder / OUTPUTS)}


@pytest.mark.parametrize("id_column", ["example_id", "record_id"])
def test_margins_are_read_by_example_and_by_model_whatever_the_id_column_was_called(
    job: Job, artefacts: Path, id_column: str
) -> None:
    margins = margins_of(job, outputs_write(artefacts / job.output, id_column))
    assert list(margins) == ["forget"]  # the retain set has no margin at all
    assert margins["forget"].by_example == {"original": {"e1": [3.0], "e2": [1.0]}, "unlearned": {"e1": [0.5]}}
    assert margins["forget"].model_means("original") == [2.0]
    assert margins["forget"].example_means("original") == [3.0, 1.0]


def test_outputs_of_another_form_draw_nothing(job: Job, artefacts: Path) -> None:
    assert margins_of(job, outputs_write(artefacts / job.output, "row")) == {}
