"""Protocols that nobody may approve, and results that claim to be older than their record; correctly signed and logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .first_version import first_protocol, first_results, in_earlier_words, measured_less
from .judged_again import Lie, judge_again, reasons, set_protocol, verified
from .retold import Real, Retold

pytestmark = pytest.mark.django_db
NOBODY = "nobody may approve this protocol"
Change = Callable[[Retold], None]


def both(*changes: Change) -> Lie:
    def told(retold: Retold) -> None:
        for change in changes:
            change(retold)

    return told


def first(**changes: Any) -> Lie:
    return lambda retold: first_protocol(retold, **changes)


def first_stated(retold: Retold) -> None:
    for entry in retold.of_kind("job.started"):
        entry["data"]["result_version"] = 1


def unstated(retold: Retold) -> None:
    """Nothing is said that the first words of today did not say."""
    added = {"mapping.completed": ["texts_only"], "job.started": ["result_version"]}
    added |= {kind: ["how", "clusters"] for kind in ("match.accepted", "match.rejected")}
    for entry in retold.entries:
        for field in added.get(entry["kind"], ()):
            del entry["data"][field]
        if entry["kind"] == "request.closed":
            entry["data"].pop("accepted")


def test_a_result_of_the_first_version_is_accepted_where_the_record_has_its_words(real: Real, tmp_path: Path) -> None:
    lies: dict[str, Lie] = {"outputs": measured_less, "spec": both(in_earlier_words, first()), "result": first_results}
    assert reasons(verified(real, tmp_path, lies)) == ""


@pytest.mark.parametrize(
    ("lies", "reason"),
    [
        (both(first_stated, first()), "nothing says what its result_version '1' means"),
        (both(unstated, first()), NOBODY),
        (both(in_earlier_words, first(alpha=0.8)), NOBODY),
    ],
    ids=["stated", "unstated", "another level"],
)
def test_a_result_of_the_first_version_is_refused_otherwise(real: Real, tmp_path: Path, lies: Lie, reason: str) -> None:
    assert reason in reasons(verified(real, tmp_path, {"spec": lies, "result": first_results}))


def test_the_intervals_of_the_first_version_are_computed_again(real: Real, tmp_path: Path) -> None:
    def narrower(retold: Retold) -> None:
        finding = retold.results[2]["evaluation"]["estimands"][0]
        finding["low"] = (finding["low"] + finding["estimate"]) / 2

    told = both(first_results, narrower)
    lies = {"outputs": measured_less, "spec": both(in_earlier_words, first()), "result": told}
    assert "the raw outputs give other estimates" in reasons(verified(real, tmp_path, lies))


def test_the_margins_of_the_first_version_have_bounds(real: Real, tmp_path: Path) -> None:
    def wide(retold: Retold) -> None:
        estimands = [one | {"margin": 1000.0} for one in retold.reports[1]["protocol"]["estimands"][:1]]
        for attempt in retold.specs:
            set_protocol(retold, attempt, estimands=estimands)

    assert NOBODY in reasons(verified(real, tmp_path, {"spec": both(in_earlier_words, wide), "result": first_results}))


def held_out_unjudged(retold: Retold) -> None:
    estimands = [one for one in retold.reports[2]["protocol"]["estimands"] if one["examples"] != "held_out"]
    set_protocol(retold, estimands=estimands)


def tuned_on_production(retold: Retold) -> None:
    set_protocol(retold, tuning_seeds=[retold.specs[2]["seed"]])


def production_among_oracles(retold: Retold) -> None:
    seed = retold.specs[2]["seed"]
    set_protocol(retold, oracle_seeds=[seed if one == 21 else one for one in retold.specs[2]["protocol"]["oracle_seeds"]])


def measured_as_oracle(retold: Retold) -> None:
    for row in retold.outputs[2]:
        if (row["group"], row["seed"]) == ("oracle", 21):
            row["seed"] = retold.specs[2]["seed"]


@pytest.mark.parametrize(
    "lies",
    [
        {"spec": held_out_unjudged},
        {"spec": tuned_on_production},
        {"outputs": measured_as_oracle, "spec": production_among_oracles},
    ],
    ids=["held-out examples are not judged", "tuned on the production seed", "the production seed is an oracle's"],
)
def test_a_protocol_that_the_engine_refuses_is_refused_by_the_verification(
    real: Real, tmp_path: Path, lies: dict[str, Lie]
) -> None:
    told = reasons(verified(real, tmp_path, lies | {"result": lambda retold: (judge_again(retold), None)[1]}))
    assert NOBODY in told
