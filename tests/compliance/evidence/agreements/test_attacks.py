"""Stories that were once accepted, each correctly signed and logged: somebody lied, and everything else follows from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.evidence.statements import forget_set_digest
from compliance.evidence.verification import verify_bundle

from .retold import OUTPUTS, Real, Retold

pytestmark = pytest.mark.django_db


def forget(retold: Retold, ids: list[str]) -> None:
    """The engine forgot other examples than were accepted, and says so everywhere."""
    for attempt, spec in retold.specs.items():
        spec["forget_ids"] = ids
        retold.reports[attempt].update(forget_set_sha256=forget_set_digest(ids), forget_count=len(ids))
        retold.results[attempt] |= {"trajectory": None, "train_examples": 20 - len(ids)}
        retold.results[attempt]["evaluation"]["examples"]["example_ids"] = ids


def one_of_three_forgotten(retold: Retold) -> None:
    forget(retold, retold.specs[1]["forget_ids"][:1])


def somebody_elses_example_forgotten(retold: Retold) -> None:
    forget(retold, [*retold.specs[1]["forget_ids"][:2], "e00000019"])


def the_rejected_example_forgotten_too(retold: Retold) -> None:
    forget(retold, [*retold.specs[1]["forget_ids"], "e00000003"])


def another_method_ran(retold: Retold) -> None:
    for attempt, spec in retold.specs.items():
        spec["method"] = {"name": "retrain", "config": {}}
        retold.reports[attempt]["method"] = {"name": "retrain", "config": {}, "guarantee": "exact"}


def another_verdict_was_recorded(retold: Retold) -> None:
    for entry in retold.of_kind("job.completed"):
        entry["data"]["verdict"] = "failed"


def another_model_was_released(retold: Retold) -> None:
    retold.first("item.released")["data"]["model_sha256"] = "5" * 64
    retold.releases[2]["released_model_sha256"] = "5" * 64


def estimates_off_by_a_thousand(retold: Retold) -> None:
    for result in retold.results.values():
        result["evaluation"]["estimands"][0]["estimate"] += 1000


def another_gap(retold: Retold) -> None:
    for result in retold.results.values():
        result["evaluation"]["gap"] = 1000.0


def outputs_of_fewer_models(retold: Retold) -> None:
    for attempt, rows in retold.outputs.items():
        retold.outputs[attempt] = [row for row in rows if row["seed"] != 26]


def margins_that_are_missing(retold: Retold) -> None:
    for row in retold.outputs[1]:
        row["margin"] = None


def no_parquet(retold: Retold) -> None:
    for attempt, result in retold.results.items():
        retold.files[retold.path(attempt, OUTPUTS)] = b"PAR1 nothing PAR1"
        result["files"][OUTPUTS] = retold.digest(retold.path(attempt, OUTPUTS))


def no_outputs_at_all(retold: Retold) -> None:
    for attempt, result in retold.results.items():
        del retold.files[retold.path(attempt, OUTPUTS)], result["files"][OUTPUTS]


@pytest.mark.parametrize(
    ("stage", "lie", "reason"),
    [
        ("spec", one_of_three_forgotten, "the accepted matches are not the forget set"),
        ("spec", somebody_elses_example_forgotten, "the accepted matches are not the forget set"),
        ("spec", the_rejected_example_forgotten_too, "the accepted matches are not the forget set"),
        ("spec", another_method_ran, "the method that ran is not the approved one"),
        ("entries", another_verdict_was_recorded, "another verdict is reported than the worker recorded"),
        ("report", another_model_was_released, "the released model is not the reported one"),
        ("result", estimates_off_by_a_thousand, "a position is not where its numbers put it"),
        ("result", another_gap, "the raw outputs give another do-nothing gap"),
        ("outputs", outputs_of_fewer_models, "other models were measured than the protocol names"),
        ("outputs", margins_that_are_missing, "the raw outputs are numbers and the result says that they are not"),
        ("result", no_parquet, "examples.parquet is not a Parquet file"),
        ("result", no_outputs_at_all, "there is no outputs/examples.parquet"),
    ],
)
def test_a_story_that_contradicts_itself_fails(
    real: Real, tmp_path: Path, stage: str, lie: Callable[[Retold], None], reason: str
) -> None:
    bundle = real.retold(tmp_path).write({stage: lie})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert not result.passed
    assert any(reason in step.reason for step in result.steps if step.status == "failed"), result.summary
