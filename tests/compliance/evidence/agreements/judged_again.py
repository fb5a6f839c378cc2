"""Lets the engine judge changed raw outputs of a retold bundle, honestly, as another method's if a test asks for that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compliance.evidence.agreements.raw_outputs import TRAJECTORY
from compliance.evidence.verification import Verification, verify_bundle
from compliance.formats.canonical import digest_of
from compliance.formats.contracts import plain
from compliance.formats.results import ANSWER_IN_TEXTS, ANSWERS
from compliance.formats.verdicts import KEEPS_WEIGHTS, Verdict
from tests import staging
from unlearning_jobs.engine.catalogue import method_guarantee
from unlearning_jobs.engine.contracts import Evaluation, JobSpec, LogisticArchitecture, Recipe
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.outputs import Outputs

from .retold import Real, Retold

Lie = Callable[[Retold], None]
LOGISTIC = Recipe(family="logistic", architecture=LogisticArchitecture(), epochs=1, batch_size=8, learning_rate=1e-3)
RELEASED = 2
"""The attempt that passed and was released."""


def method_is(name: str, attempt: int = RELEASED) -> Lie:
    """At the stage of the specification: another method was proposed, approved and run."""

    def told(retold: Retold) -> None:
        retold.specs[attempt]["method"] = {"name": name, "config": {}}
        if method_guarantee(name) == "certified":
            set_recipe(retold, LOGISTIC, attempt)
        retold.reports[attempt]["method"] = {"name": name, "config": {}, "guarantee": method_guarantee(name)}
        for entry in retold.entries:
            if entry["kind"] in ("proposal.submitted", "proposal.approved") and entry["data"]["attempt"] == attempt:
                entry["data"]["method"] = name
        if name in KEEPS_WEIGHTS:
            ship(retold, retold.results[attempt]["base_files"]["model.safetensors"], attempt)

    return told


def ship(retold: Retold, weights: str, attempt: int = RELEASED) -> None:
    """At the stage of the specification or of the result: the model has this file of weights."""
    files = retold.results[attempt]["files"]
    files["model/model.safetensors"] = weights
    model = digest_of({name.removeprefix("model/"): one for name, one in files.items() if name.startswith("model/")})
    retold.results[attempt]["model_digest"] = retold.reports[attempt]["result_model_sha256"] = model
    if attempt in retold.releases:
        retold.releases[attempt]["released_model_sha256"] = model
    for entry in retold.entries:
        if entry["kind"] in ("job.completed", "item.released") and entry["data"]["attempt"] == attempt:
            entry["data"]["model_sha256"] = model


def set_recipe(retold: Retold, recipe: Recipe, attempt: int = RELEASED) -> None:
    """At the stage of the specification: the models are of another kind. Only those that answer in texts have answers."""
    if recipe.family not in ANSWER_IN_TEXTS:
        retold.results[attempt]["files"].pop(ANSWERS, None)
    retold.specs[attempt]["recipe"] = recipe.to_json()
    retold.reports[attempt]["recipe_sha256"] = recipe.digest()


def set_protocol(retold: Retold, attempt: int = RELEASED, **changes: Any) -> None:
    """At the stage of the specification: another protocol was proposed, approved and followed."""
    protocol = retold.reports[attempt]["protocol"] | changes
    retold.reports[attempt] |= {"protocol": protocol, "protocol_sha256": digest_of(protocol)}
    retold.specs[attempt]["protocol"] = protocol
    for entry in retold.entries:
        if (
            entry["kind"] in ("proposal.submitted", "proposal.approved", "job.started")
            and entry["data"]["attempt"] == attempt
        ):
            entry["data"]["protocol_sha256"] = digest_of(protocol)


def judge_again(retold: Retold, attempt: int = RELEASED, look: int = 1) -> Evaluation:
    """At the stage of the result: state what the engine finds in the raw outputs, by the specified method and protocol."""
    spec = JobSpec.from_json(retold.specs[attempt])
    assert spec.protocol is not None
    assert spec.method is not None
    outputs = Outputs.read(retold.folder / f"{attempt}.parquet")
    found = evaluate(
        outputs, spec.protocol, spec.method.name, "causal_lm", look=look, process=staging.process(spec, "passed")
    )
    certificate = staging.certificate(spec)
    training = staging.second_training(spec, "passed", retold.results[attempt]["files"]["model/model.safetensors"])
    retold.results[attempt] |= {
        "evaluation": found.to_json(),
        "trajectory": None,
        "certificate": certificate.to_json() if certificate else None,
        "second_training": training.to_json() if training else None,
    }
    retold.files.pop(retold.path(attempt, TRAJECTORY), None)
    retold.results[attempt]["files"].pop(TRAJECTORY, None)
    retold.reports[attempt]["does_not_show"] = list(found.limits)
    call(retold, found.verdict, attempt)
    return found


def call(retold: Retold, verdict: Verdict, attempt: int = RELEASED) -> None:
    """At the stage of the result: state this verdict wherever one stands."""
    told: Any = plain(verdict)
    retold.results[attempt]["evaluation"]["verdict"] = retold.reports[attempt]["verdict"] = told
    for entry in retold.entries:
        if entry["kind"] in ("job.completed", "item.evaluated") and entry["data"]["attempt"] == attempt:
            entry["data"]["verdict"] = verdict.outcome


def verified(real: Real, folder: Path, lies: dict[str, Lie]) -> Verification:
    return verify_bundle(real.retold(folder).write(lies), (real.bundle / "trust.json").read_bytes())


def reasons(result: Verification) -> str:
    """Why steps failed; empty if the bundle passed."""
    return " ".join(step.reason for step in result.steps if step.status == "failed")
