"""Results that were once accepted although they contradict themselves, each correctly signed and logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.agreements.raw_outputs import RawOutputs
from compliance.evidence.recomputed.method import judge
from compliance.evidence.recomputed.shipped import judge_shipped
from compliance.evidence.verification import verify_bundle
from compliance.formats.contracts import parse
from compliance.formats.protocol import Estimand

from .judged_otherwise import another_file
from .retold import Real, Retold

pytestmark = pytest.mark.django_db
Lie = Callable[[Retold], None]


def evaluations(retold: Retold) -> list[Any]:
    return [result["evaluation"] for result in retold.results.values()]


def estimates_of_the_outputs(retold: Retold) -> None:
    """State the estimates that follow from the changed raw outputs, and nothing that follows from them."""
    for attempt, rows in retold.outputs.items():
        outputs = RawOutputs.of_rows(rows)
        models = outputs.models(retold.specs[attempt]["seed"])
        evaluation = retold.results[attempt]["evaluation"]
        evaluation["gap"] = outputs.gap()
        for finding in evaluation["estimands"]:
            if finding["estimand"]["kind"] == "location":
                about = judge_shipped if "scope" in finding else judge
                finding["estimate"] = about(models, parse(Estimand, finding["estimand"]), 0.05).estimate


def unlearned_like_originals(retold: Retold, *, seeds: Callable[[int, int], bool]) -> None:
    for attempt, rows in retold.outputs.items():
        shipped = retold.specs[attempt]["seed"]
        known = {(r["seed"], r["set"], r["example_id"]): r for r in rows if r["group"] == "original"}
        retold.outputs[attempt] = [
            known[row["seed"], row["set"], row["example_id"]] | {"group": "unlearned"}
            if row["group"] == "unlearned" and seeds(row["seed"], shipped)
            else row
            for row in rows
        ]


def nothing_was_unlearned(retold: Retold) -> None:
    unlearned_like_originals(retold, seeds=lambda _seed, _shipped: True)


def the_shipped_model_is_the_original(retold: Retold) -> None:
    unlearned_like_originals(retold, seeds=lambda seed, shipped: seed == shipped)


def only_the_method_is_judged(retold: Retold) -> None:
    estimates_of_the_outputs(retold)
    for one in evaluations(retold):
        one["estimands"] = [finding for finding in one["estimands"] if "scope" not in finding]


def all_above(retold: Retold, **also: Any) -> None:
    for one in evaluations(retold):
        for finding in one["estimands"]:
            finding["position"] = "above"
        one.update(also)


def controls_left_out(retold: Retold) -> None:
    all_above(retold)
    for one in evaluations(retold):
        del one["controls"]


def no_controls(retold: Retold) -> None:
    for one in evaluations(retold):
        one["controls"] = []


def positions_in_another_spelling(retold: Retold) -> None:
    for one in evaluations(retold):
        for finding in one["estimands"]:
            finding["position"] = finding["position"].upper()


def controls_that_behaved_in_words(retold: Retold) -> None:
    for one in evaluations(retold):
        for control in one["controls"]:
            control["behaved"] = "false"


def intervals_beyond_the_margin(retold: Retold) -> None:
    for one in evaluations(retold):
        for finding in one["estimands"]:
            finding.update(low=5.0, high=6.0)


def a_margin_of_a_thousand(retold: Retold) -> None:
    for one in evaluations(retold):
        for finding in one["estimands"]:
            finding["margin_used"] = 1000.0


def no_measurable_influence(retold: Retold) -> None:
    for one in evaluations(retold):
        one["influence"].update(measurable=False, memorised=0, probability_low=-0.01, probability_high=0.01)


def forget_rows_only(retold: Retold) -> None:
    for attempt, rows in retold.outputs.items():
        retold.outputs[attempt] = [row for row in rows if row["set"] == "forget"]


def a_replicate_without_retained_examples(retold: Retold) -> None:
    for attempt, rows in retold.outputs.items():
        seed = retold.specs[attempt]["protocol"]["replicate_seeds"][0]
        retold.outputs[attempt] = [
            row for row in rows if row["set"] == "forget" or (row["group"], row["seed"]) != ("unlearned", seed)
        ]


def margins_alone(retold: Retold) -> None:
    for attempt, rows in retold.outputs.items():
        dropped = ("accuracy", "log_likelihood", "probability")
        retold.outputs[attempt] = [{name: row[name] for name in row if name not in dropped} for row in rows]


def a_forgotten_example_is_held_out(retold: Retold) -> None:
    for attempt, rows in retold.outputs.items():
        forgotten = retold.specs[attempt]["forget_ids"][0]
        held_out = next(row["example_id"] for row in rows if row["set"] == "held_out")
        for row in rows:
            row["example_id"] = forgotten if row["example_id"] == held_out else row["example_id"]


def called_exact(retold: Retold, *, held: Any = True) -> None:
    sentence = "It never saw them."
    for attempt, result in retold.results.items():
        reasons = [{"code": code, "sentence": sentence} for code in ("process_evidence", "annex")]
        verdict = {"outcome": "passed", "direction": None, "reasons": reasons}
        result["evaluation"]["process"] = [{"name": "forget_set_absent", "held": held, "sentence": sentence}]
        if result["evaluation"]["verdict"]["outcome"] == "passed":
            result["evaluation"]["verdict"] = retold.reports[attempt]["verdict"] = verdict
        retold.reports[attempt]["method"]["guarantee"] = "exact"


def held_in_words(retold: Retold) -> None:
    called_exact(retold, held="no")


def further_words(retold: Retold) -> None:
    for result in retold.results.values():
        result["verdict"] = {"outcome": "failed"}


def reasons_of_another_verdict(retold: Retold) -> None:
    for attempt, result in retold.results.items():
        if result["evaluation"]["verdict"]["outcome"] == "failed":
            verdict = result["evaluation"]["verdict"]
            verdict["reasons"] = [{"code": "within_margins", "sentence": "Every estimand lies within its margin."}]
            retold.reports[attempt]["verdict"] = verdict


def erased_exactly(retold: Retold) -> None:
    for attempt, result in retold.results.items():
        verdict = result["evaluation"]["verdict"]
        verdict["reasons"][0]["sentence"] = "Everything was erased exactly."
        retold.reports[attempt]["verdict"] = verdict


def overshot(retold: Retold) -> None:
    for attempt, result in retold.results.items():
        result["evaluation"]["verdict"]["direction"] = "overshot"
        retold.reports[attempt]["verdict"] = result["evaluation"]["verdict"]


def a_tiny_p_value(retold: Retold) -> None:
    for one in evaluations(retold):
        one["permutation"]["p_value"] = 1e-9


def counts_without_their_examples(retold: Retold) -> None:
    for one in evaluations(retold):
        one["examples"].update(too_high_fdr=0, too_high_fwer=0, p_value=[1e-9, 1e-9, 1e-9], auc=[0.5])


def examples_that_ended_within(retold: Retold) -> None:
    for result in retold.results.values():
        for example in result["trajectory"]["examples"]:
            example.update(end="within", margins=[100.0])


def two_minutes_of_work(retold: Retold) -> None:
    for result in retold.results.values():
        result["seconds"]["unlearn"] = 120.0


def finished_when_it_started(retold: Retold) -> None:
    for report in retold.reports.values():
        report["finished_at"] = report["started_at"]


def an_older_result(retold: Retold) -> None:
    """The result looks as if it were from before the shipped model was judged."""
    for result in retold.results.values():
        del result["version"]
        for name in ("influence", "precision", "process", "vetoes"):
            result["evaluation"].pop(name, None)
    only_the_method_is_judged(retold)
    for entry in retold.of_kind("job.started"):
        del entry["data"]["result_version"]


NUMBERS = "is not where its numbers put it"
CONTRACT = "must be"

FAILED_TOO = "the verdict does not follow from the findings"


@pytest.mark.parametrize(
    ("lies", "reason"),
    [
        ({"outputs": nothing_was_unlearned, "result": estimates_of_the_outputs}, NUMBERS),
        (
            {"outputs": the_shipped_model_is_the_original, "result": only_the_method_is_judged},
            "the method or the shipped model was not judged",
        ),
        ({"result": controls_left_out}, "lacks controls"),
        ({"result": no_controls}, "these are not the controls of the protocol's design"),
        ({"result": positions_in_another_spelling}, CONTRACT),
        ({"result": controls_that_behaved_in_words}, CONTRACT),
        ({"result": intervals_beyond_the_margin}, NUMBERS),
        ({"result": a_margin_of_a_thousand}, NUMBERS),
        ({"result": no_measurable_influence}, "whether there is an influence does not follow"),
        ({"outputs": forget_rows_only}, "other models were measured than the protocol names"),
        ({"outputs": a_replicate_without_retained_examples}, "other models were measured than the protocol names"),
        ({"outputs": margins_alone}, "the raw outputs are numbers and the result says that they are not"),
        ({"outputs": a_forgotten_example_is_held_out}, "an example of another set was forgotten"),
        ({"result": called_exact}, "the method has another guarantee"),
        ({"result": held_in_words}, CONTRACT),
        ({"result": further_words}, "has no field"),
        ({"result": another_file}, "the report signs a file that no report has"),
        ({"result": reasons_of_another_verdict}, FAILED_TOO),
        ({"result": erased_exactly}, FAILED_TOO),
        ({"result": overshot}, FAILED_TOO),
        ({"result": a_tiny_p_value}, "a test tried other labellings than there are"),
        ({"result": counts_without_their_examples}, "the lists of examples have different lengths"),
        ({"result": examples_that_ended_within}, "does not follow from the margins of the trajectory"),
        ({"result": two_minutes_of_work, "report": finished_when_it_started}, "the work took longer than there was time"),
        ({"result": an_older_result}, "the method or the shipped model was not judged"),
    ],
)
def test_a_result_that_contradicts_itself_fails(real: Real, tmp_path: Path, lies: Mapping[str, Lie], reason: str) -> None:
    bundle = real.retold(tmp_path).write(lies)
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert not result.passed
    assert any(reason in step.reason for step in result.steps if step.status == "failed"), [
        step for step in result.steps if step.status == "failed"
    ]
