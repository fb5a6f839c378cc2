"""Facts about the verdict: what it follows from, and the reasons that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .facts import at, of_report
from .story import ToldReport

ON_PROCESS: Final = {"exact": "process_evidence", "certified": "certificate"}
"""The reason for a passed verdict, by what the method guarantees. Nothing that was measured confirms it."""
ANNEX: Final = ("annex", "annex_empty")
"""annex_empty: the models for comparison gave no finite numbers, so that nothing could contradict the process."""
ON_MEASUREMENTS: Final = ("within_margins", "within_margins_detectable")
NO_INFLUENCE = "no_influence"
NOT_FINITE: Final = {"answers_not_finite": "failed", "reference_not_finite": "inconclusive"}


def fit(reasons: list[list[str]], evidence: Mapping[str, Any]) -> bool:
    """Return whether the reasons of a passed verdict, or of no influence, fit what the method guarantees.

    Results from before exact and certified methods were released on their process have no process, and rest on what was
    measured.
    """
    codes = [code for code, _ in reasons]
    expected = ON_PROCESS.get(evidence["guarantee"]) if evidence["process"] else None
    if evidence["outcome"] == NO_INFLUENCE:
        return expected is None and codes == [NO_INFLUENCE]
    if expected is None:
        return len(codes) == 1 and codes[0] in ON_MEASUREMENTS
    return reasons[:-1] == [[expected, sentence] for sentence in evidence["process"]] and codes[-1] in ANNEX


def _reasons(told: ToldReport) -> list[list[str]] | None:
    verdict = told.report.verdict
    if verdict.outcome not in ("passed", NO_INFLUENCE):
        return None
    return [[reason.code, reason.sentence] for reason in verdict.reasons]


def _evidence(told: ToldReport) -> Mapping[str, Any] | None:
    if told.result is None:
        return None
    process = [check["sentence"] for check in at(told.result, "evaluation").get("process", ())]
    return {"outcome": told.report.verdict.outcome, "guarantee": told.report.method.guarantee, "process": process}


def _possible_outcomes(told: ToldReport) -> list[str] | None:
    """Return the outcomes that follow from the findings by the rules that every protocol has.

    What exact and certified results rest on leaves two: whether a measurement contradicts it, only the engine can tell.
    """
    evaluation = None if told.result is None else at(told.result, "evaluation")
    if evaluation is None or "controls" not in evaluation:
        return None
    process = [check["held"] for check in evaluation.get("process", ())]
    if evaluation["gap"] is None and told.report.verdict.reasons[-1].code != ANNEX[1]:
        return [NOT_FINITE.get(reason.code, "") for reason in told.report.verdict.reasons]
    if process and told.report.method.guarantee in ON_PROCESS:
        if False in process:
            return ["failed"]
        return ["passed", "failed"] if all(process) else ["inconclusive"]
    return [next(_by_measurements(evaluation))]


def _by_measurements(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the outcome of the first rule that applies, and of those after it."""
    if misbehaved := [control["name"] for control in evaluation["controls"] if not control["behaved"]]:
        influence = evaluation.get("influence")
        nothing = misbehaved == ["do_nothing"] and influence is not None and influence["measurable"] is False
        yield NO_INFLUENCE if nothing else "inconclusive"
    positions = {finding["position"] for finding in evaluation["estimands"]}
    if positions & {"above", "below"}:
        yield "failed"
    if "undecided" in positions:
        yield "inconclusive"
    yield "passed"


def the_last_if_undecided(look: Mapping[str, Any], looks: int) -> bool:
    """Return whether the look is one of the protocol's, and the last one if its verdict decides nothing."""
    number: int = look["look"]
    return 1 <= number <= looks and (look["outcome"] != "inconclusive" or number == looks)


def _look(told: ToldReport) -> Mapping[str, Any] | None:
    if told.result is None:
        return None
    return {"look": at(told.result, "evaluation").get("look", 1), "outcome": told.report.verdict.outcome}


REASONS = of_report("report verdict.reasons", _reasons, "report verdict.reasons")
EVIDENCE = of_report(
    "report method.guarantee and result.json evaluation.process",
    _evidence,
    "report method.guarantee",
    "result.json evaluation.process",
)
POSSIBLE_OUTCOMES = of_report(
    "result.json evaluation, by its findings",
    _possible_outcomes,
    *(
        f"result.json evaluation.{path}"
        for path in (
            "controls.name",
            "controls.behaved",
            "estimands.position",
            "influence.measurable",
            "process.held",
            "gap",
        )
    ),
)
LOOK = of_report("result.json evaluation.look", _look, "result.json evaluation.look")
LOOKS = of_report(
    "spec.json protocol.looks",
    lambda told: None if told.spec is None else at(told.spec, "protocol").get("looks", 1),
    "spec.json protocol.looks",
)
