"""What the engine leaves after a job, small and consistent: its specification, its result and its raw outputs."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from compliance.formats.canonical import digest_of, sha256_hex
from compliance.formats.results import ANSWERS, RESULT_VERSION
from tests import factories, raw_outputs
from unlearning_jobs.engine.contracts import Evaluation, JobResult, JobSpec, MethodChoice, ModelRef, SnapshotRef
from unlearning_jobs.engine.evaluation.evaluate import evaluate

SNAPSHOT, MANIFEST_ROOT = sha256_hex(b"snapshot"), sha256_hex(b"manifest root")
BASE_FILES = {"model.safetensors": sha256_hex(b"base model")}
BASE_MODEL = digest_of(BASE_FILES)
COUNTS = {"train": len(raw_outputs.TRAINING), "held_out": len(raw_outputs.HELD_OUT)}
CORPUS = {"snapshot_sha256": SNAPSHOT, "manifest_root": MANIFEST_ROOT, "counts": COUNTS}
PROTOCOL = factories.PROTOCOL.to_json()
RECIPE = factories.RECIPE.to_json()
ANSWERS_DIGEST = sha256_hex(b"what three models answered")
ENVIRONMENT = {"torch": "2.13.0", "device": "cpu"}
FORGOTTEN = ("e00000007", "e00000002")
METHOD = "npo"


def spec_of(reference: str) -> dict[str, Any]:
    return _spec(reference).to_json()


@cache
def _spec(reference: str) -> JobSpec:
    return JobSpec(
        kind="unlearn",
        reference=f"request:{reference}#1",
        snapshot=SnapshotRef("corpora/1", SNAPSHOT),
        model=ModelRef("models/1", BASE_MODEL),
        cache="cache",
        recipe=factories.RECIPE,
        seed=7,
        forget_ids=FORGOTTEN,
        method=MethodChoice(METHOD),
        protocol=factories.PROTOCOL,
    )


@cache
def evaluation_of(outcome: str) -> Evaluation:
    """What the engine finds in the raw outputs; the same for every request."""
    return evaluate(raw_outputs.staged(_spec("LE-1"), outcome), factories.PROTOCOL, METHOD, "causal_lm")


def result_of(attempt: int, spec: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    files = {
        "outputs/examples.parquet": sha256_hex(outputs(attempt, verdict["outcome"])),
        "model/model.safetensors": sha256_hex(b"model of attempt %d" % attempt),
        ANSWERS: ANSWERS_DIGEST,
    }
    result = JobResult(
        kind="unlearn",
        reference=spec["reference"],
        spec_digest=digest_of(spec),
        model_digest=result_model(attempt),
        files=files,
        train_examples=COUNTS["train"] - len(FORGOTTEN),
        parameters=1000,
        curves=(),
        seconds={"unlearn": 0.5},
        environment=ENVIRONMENT,
        retain_digest="7" * 64,
        evaluation=evaluation_of(verdict["outcome"]),
        base_files=BASE_FILES,
        version=RESULT_VERSION,
    )
    return result.to_json()


def limits_of(outcome: str) -> tuple[str, ...]:
    return evaluation_of(outcome).limits


def verdict_of(outcome: str) -> dict[str, Any]:
    return evaluation_of(outcome).verdict.to_json()


@cache
def outputs(attempt: int, outcome: str) -> bytes:
    """Raw outputs; those of different attempts are different files."""
    staged, buffer = raw_outputs.staged(_spec("LE-1"), outcome), io.BytesIO()
    rows = [
        {"group": model.group, "seed": model.seed, "set": name, "example_id": example_id}
        | {"margin": margin, "probability": probability, "log_likelihood": likelihood, "accuracy": accuracy}
        for model, name in staged.values
        for example_id, margin, probability, likelihood, accuracy in zip(
            staged.ids[name],
            *(staged.vector(model, name, one) for one in ("margin", "probability", "log_likelihood", "accuracy")),
            strict=True,
        )
    ]
    table = pa.Table.from_pylist(rows)
    parquet.write_table(table.replace_schema_metadata({"attempt": str(attempt)}), buffer)
    return buffer.getvalue()


def result_model(attempt: int) -> str:
    return digest_of({"model.safetensors": sha256_hex(b"model of attempt %d" % attempt)})
