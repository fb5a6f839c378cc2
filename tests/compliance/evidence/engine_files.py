"""What the engine leaves after a job, small and consistent: its specification, its result and its raw outputs."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from compliance.formats.canonical import digest_of, sha256_hex

SNAPSHOT, MANIFEST_ROOT = sha256_hex(b"snapshot"), sha256_hex(b"manifest root")
BASE_MODEL = sha256_hex(b"base model")
ESTIMAND = {
    "name": "forget_location",
    "examples": "forget",
    "statistic": "margin",
    "kind": "location",
    "unit": "gap",
    "margin": 0.25,
}
PROTOCOL = {"alpha": 0.05, "replicate_seeds": [8, 9], "oracle_seeds": [11, 12, 13, 14], "estimands": [ESTIMAND]}
RECIPE = {"family": "causal_lm", "epochs": 3}
ENVIRONMENT = {"torch": "2.13.0", "device": "cpu"}
LIMITS = ["It does not show that other models hold nothing of the data."]
FORGOTTEN = ("r7", "r2")
LEVELS = {"original": 3.0, "unlearned": 0.5, "oracle": 0.0}
TESTS = (
    ("forget", 2 / 35, 35),
    ("retain", 2 / 35, 35),
    ("oracle_against_oracle", 1.0, 6),
    ("do_nothing", 2 / 35, 35),
)
"""P-value and number of labellings, by what is compared."""
SEEDS = {"original": (7, 8, 9), "unlearned": (7, 8, 9), "oracle": (11, 12, 13, 14)}


def spec_of(reference: str) -> dict[str, Any]:
    return {
        "kind": "unlearn",
        "reference": f"request:{reference}#1",
        "snapshot": {"path": "corpora/1", "digest": SNAPSHOT},
        "model": {"path": "models/1", "digest": BASE_MODEL},
        "cache": "cache",
        "recipe": RECIPE,
        "seed": 7,
        "forget_ids": list(FORGOTTEN),
        "method": {"name": "retrain", "config": {}},
        "protocol": PROTOCOL,
    }


def result_of(attempt: int, spec: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    gap = LEVELS["original"] - LEVELS["oracle"]
    estimate = (level(verdict["outcome"]) - LEVELS["oracle"]) / gap
    position = "within" if verdict["outcome"] == "passed" else "above"
    numbers = {"estimate": estimate, "low": estimate, "high": estimate, "position": position}
    tests = {name: {"statistic": 0.5, "p_value": p, "labelings": n, "exhaustive": True} for name, p, n in TESTS}
    tests["oracle_against_oracle"]["statistic"] = 0.0
    return {
        "kind": "unlearn",
        "reference": spec["reference"],
        "model_digest": result_model(attempt),
        "spec_digest": digest_of(spec),
        "files": {
            "outputs/examples.parquet": sha256_hex(outputs(attempt, verdict["outcome"])),
            "model/model.safetensors": sha256_hex(b"model of attempt %d" % attempt),
        },
        "train_examples": 1,
        "parameters": 1000,
        "curves": [],
        "seconds": {"unlearn": 0.5},
        "retain_digest": "7" * 64,
        "evaluation": {
            "verdict": verdict,
            "limits": LIMITS,
            "gap": gap,
            "estimands": [{"estimand": one} | numbers for one in spec["protocol"]["estimands"]],
            "permutation": tests["forget"],
            "controls": [
                {"name": name, "behaved": True, "permutation": tests[name], "note": ""}
                for name in ("oracle_against_oracle", "do_nothing")
            ],
            "metrics": [],
            "sets": [
                {"examples": "forget", "permutation": tests["forget"], "p_adjusted": 2 / 35 * 2},
                {"examples": "retain", "permutation": tests["retain"], "p_adjusted": 2 / 35 * 2},
            ],
            "examples": {
                "example_ids": sorted(FORGOTTEN),
                "auc": [1.0, 1.0],
                "p_value": [2 / 35, 2 / 35],
                "p_fdr": [2 / 35, 2 / 35],
                "p_fwer": [2 / 35, 2 / 35],
                "level": 0.05,
                "too_high_fdr": 0,
                "too_low_fdr": 0,
                "too_high_fwer": 0,
                "too_low_fwer": 0,
            },
        },
        "environment": ENVIRONMENT,
    }


def level(outcome: str) -> float:
    """The margin of the unlearned models: near the originals if they failed."""
    return LEVELS["unlearned"] if outcome == "passed" else 2.7


def verdict_of(outcome: str) -> dict[str, Any]:
    code = "within_margins" if outcome == "passed" else "forget_location_above"
    direction = None if outcome == "passed" else "undershot"
    return {"outcome": outcome, "direction": direction, "reasons": [{"code": code, "sentence": "It is measured."}]}


@cache
def outputs(attempt: int, outcome: str) -> bytes:
    """Raw outputs of three examples; those of different attempts are different files."""
    rows = [
        {"group": group, "seed": seed, "set": name, "example_id": example_id, "attempt": attempt}
        | {"margin": level(outcome) if group == "unlearned" else LEVELS[group], "probability": 0.5}
        for group, seeds in SEEDS.items()
        for seed in seeds
        for name, ids in (("forget", FORGOTTEN), ("retain", ("r1",)))
        for example_id in ids
    ]
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def result_model(attempt: int) -> str:
    return digest_of({"model.safetensors": sha256_hex(b"model of attempt %d" % attempt)})
