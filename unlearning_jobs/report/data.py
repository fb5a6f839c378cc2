"""Reads what a report shows from the files of its job: only what the record or the result vouches for. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from compliance.formats.canonical import sha256_hex
from compliance.formats.record_kinds import RecordKind
from compliance.record.selectors import entries_of
from unlearning_jobs.engine.contracts import Evaluation, JobResult
from unlearning_jobs.models import Job

GROUPS = ("original", "unlearned", "oracle")
SETS = ("forget", "retain", "held_out")
OUTPUTS = "outputs/examples.parquet"


class ChangedResultError(Exception):
    """The result on the disk is not the one that the worker recorded when the job ended."""


@dataclass
class SetMargins:
    """Margins of one set of examples, by the groups of GROUPS."""

    by_example: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """group -> example id -> one margin per model of the group."""
    by_model: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    """group -> seed -> one margin per example."""

    def example_means(self, group: str) -> list[float]:
        """Return one value per example: its mean over the group's models."""
        return [mean(margins) for margins in self.by_example.get(group, {}).values()]

    def model_means(self, group: str) -> list[float]:
        """Return one value per model: its mean over the examples. The model is the unit of replication."""
        return [mean(margins) for margins in self.by_model.get(group, {}).values()]


def job_result(job: Job) -> JobResult | None:
    """Return the result of a completed job; None before that, or when its folder is gone.

    Raises:
        ChangedResultError: the file has changed since; what it says is nobody's finding.
    """
    if not job.output:
        return None
    try:
        raw = (settings.ARTEFACTS / job.output / "result.json").read_bytes()
    except FileNotFoundError:
        return None
    completed = entries_of(subject=job.subject, kinds=(RecordKind.JOB_COMPLETED,))
    recorded = {entry.data["result_sha256"] for entry in completed if entry.attempt == (job.item, job.attempt)}
    if sha256_hex(raw) not in recorded:
        raise ChangedResultError
    return JobResult.from_json(json.loads(raw))


def job_evaluation(job: Job | None) -> Evaluation | None:
    """Return what was measured of a job's result; None if there is none, or none that the record vouches for."""
    try:
        result = job_result(job) if job else None
    except ChangedResultError:
        return None
    return result.evaluation if result else None


def margins_of(job: Job, files: Mapping[str, str]) -> dict[str, SetMargins]:
    """Return the margins by set, in the order of SETS; empty when the outputs are gone, changed, or have another form.

    Args:
        job: the job whose folder they are in.
        files: the digests of its files, by path, as its result names them.
    """
    import pyarrow as pa

    try:
        raw = (settings.ARTEFACTS / job.output / OUTPUTS).read_bytes()
        if sha256_hex(raw) != files.get(OUTPUTS):
            return {}
        rows = _rows(raw)
    except (OSError, pa.ArrowException):
        return {}
    by_set = {name: SetMargins() for name in SETS}
    for group, seed, name, example_id, margin in rows:
        if name in by_set and margin is not None:
            by_set[name].by_example.setdefault(group, {}).setdefault(example_id, []).append(margin)
            by_set[name].by_model.setdefault(group, {}).setdefault(seed, []).append(margin)
    return {name: margins for name, margins in by_set.items() if margins.by_model}


def _rows(raw: bytes) -> Iterable[tuple[str, int, str, str, float | None]]:
    """Read the rows as group, seed, set, example id and margin."""
    import pyarrow as pa
    from pyarrow import parquet

    source = pa.BufferReader(raw)
    names = ["group", "seed", "set", _id_column(parquet.read_schema(source).names), "margin"]
    columns = parquet.read_table(source, columns=names).to_pydict()
    return zip(*(columns[name] for name in names), strict=True)


def _id_column(names: Sequence[str]) -> str:
    """Return the column that names the example. It was `record_id` once, and reports of those jobs must still open."""
    return "record_id" if "record_id" in names else "example_id"


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
