"""Facts about the verdict: it follows from the findings, by the rules that the engine follows too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from compliance.formats.certificates import steps_until_training
from compliance.formats.contracts import plain
from compliance.formats.findings import ControlName
from compliance.formats.protocol import Protocol
from compliance.formats.rules import certificate_check, is_measurable, possible_verdicts
from compliance.formats.twins import twin_outcome
from compliance.formats.verdicts import METHOD_GUARANTEES, Guarantee, Verdict

from .facts import at, of_report
from .specification import Specification, UnlearningStep
from .story import ToldReport

PROCESS: Final[Mapping[str, list[str]]] = {"exact": ["forget_set_absent", "executed_again"], "certified": ["certificate"]}
"""What a result of each guarantee rests on; all others rest on measurements."""
FEWEST_WATCHERS: Final = 2


def _verdict(told: ToldReport) -> Any:
    return None if told.findings is None else as_compared(told, told.report.verdict)


def _twins(told: ToldReport) -> str | None:
    twins = None if told.evaluation is None else told.evaluation.twins
    return None if twins is None else twins.outcome


def _possible_twins(told: ToldReport) -> str | None:
    twins = None if told.evaluation is None else told.evaluation.twins
    return None if twins is None else twin_outcome(twins, told.protocol.alpha)


def _possible(told: ToldReport) -> list[Any] | None:
    """Return the verdicts that the findings allow."""
    evaluation = told.evaluation
    if evaluation is None:
        return None
    return [as_compared(told, verdict) for verdict in possible_verdicts(evaluation, told.protocol, judged_by(told))]


def judged_by(told: ToldReport) -> Guarantee:
    """Return the guarantee by which a verdict was reached. In the first version, measurements decided about every method."""
    return "empirical" if told.first_version else told.report.method.guarantee


def as_compared(told: ToldReport, verdict: Verdict) -> Any:
    """Return a verdict as it is compared: the first version had other sentences for the same reasons."""
    if not told.first_version:
        return plain(verdict)
    return {"outcome": verdict.outcome, "direction": verdict.direction, "codes": [one.code for one in verdict.reasons]}


def the_last_if_undecided(look: Mapping[str, Any], looks: int) -> bool:
    """Return whether the look is one of the protocol's, and the last one if its verdict decides nothing."""
    number: int = look["look"]
    return 1 <= number <= looks and (look["outcome"] != "inconclusive" or number == looks)


def _look(told: ToldReport) -> Mapping[str, Any] | None:
    if told.evaluation is None:
        return None
    return {"look": told.evaluation.look, "outcome": told.report.verdict.outcome}


def _controls(told: ToldReport) -> list[str] | None:
    return None if told.evaluation is None else [control.name for control in told.evaluation.controls]


def _needed_controls(told: ToldReport) -> list[ControlName] | None:
    """Return the controls that the design needs; none if a model gave no numbers."""
    evaluation, protocol = told.evaluation, told.protocol
    if evaluation is None:
        return None
    if evaluation.gap is None:
        return []
    return controls_of(protocol)


def controls_of(protocol: Protocol) -> list[ControlName]:
    """Return the names of the controls of a protocol's design."""
    nothing: list[ControlName] = ["do_nothing"] if protocol.replicate_seeds else []
    declared: list[ControlName] = (
        ["declared_against_replicates"] if protocol.replicate_seeds and protocol.assurance == "declared" else []
    )
    watched: list[ControlName] = (
        ["pairs_against_independent"] if protocol.paired and len(protocol.oracle_seeds) >= FEWEST_WATCHERS else []
    )
    return ["oracle_against_oracle", *nothing, *declared, *watched]


def _process(told: ToldReport) -> list[str] | None:
    return None if told.evaluation is None else [check.name for check in told.evaluation.process]


def _needed_process(told: ToldReport) -> list[str] | None:
    if told.findings is None:
        return None
    return [] if told.first_version else PROCESS.get(told.report.method.guarantee, [])


def _certified(told: ToldReport) -> list[Any] | None:
    """Return what the process says about a certificate."""
    if told.evaluation is None or told.first_version:
        return None
    return [plain(check) for check in told.evaluation.process if check.name == "certificate"]


def _certificates(told: ToldReport) -> list[Any] | None:
    if told.findings is None:
        return None
    certificate = told.findings.certificate
    asked = certificate is not None or told.report.method.guarantee == "certified"
    return [plain(certificate_check(certificate))] if asked else []


def _erased(told: ToldReport) -> int | None:
    return told.findings.certificate.records if told.findings is not None and told.findings.certificate else None


def _ever_erased(told: ToldReport) -> int | None:
    """Return how many examples were erased since the model was last trained from scratch."""
    if told.specification is None:
        return None
    return sum(len(step.forget_ids) for step in since_training(told.specification)) + len(told.specification.forget_ids)


def since_training(spec: Specification) -> tuple[UnlearningStep, ...]:
    """Return the earlier steps since the model was last trained from scratch."""
    return spec.earlier[steps_until_training([step.method.name for step in spec.earlier]) :]


def _earlier_methods(told: ToldReport) -> list[str] | None:
    return None if told.specification is None else [step.method.name for step in told.specification.earlier]


def _influence(told: ToldReport) -> Any:
    """Return what is said about influence; its limit is the protocol's, and whether it is measurable follows."""
    if told.evaluation is None or told.first_version:
        return None
    finding = told.evaluation.influence
    return "nothing" if finding is None else {"limit": finding.limit, "measurable": finding.measurable}


def _expected_influence(told: ToldReport) -> Any:
    if told.evaluation is None:
        return None
    finding = told.evaluation.influence
    controls = [control for control in told.evaluation.controls if control.name == "do_nothing"]
    if finding is None or not controls:
        return "something" if controls else "nothing"
    if finding.probability_low > finding.probability_high:
        return "bounds in order"
    return {"limit": told.protocol.influence, "measurable": is_measurable(finding, controls[0])}


def _guarantee_of_method(told: ToldReport) -> str:
    return METHOD_GUARANTEES.get(told.report.method.name, "")


def _paths(*names: str) -> tuple[str, ...]:
    return tuple(f"result.json evaluation.{name}" for name in names)


VERDICT = of_report("report verdict", _verdict, "report verdict")
POSSIBLE_VERDICTS = of_report(
    "result.json evaluation, by its findings",
    _possible,
    "report method.guarantee",
    *_paths(
        "controls.name",
        "controls.behaved",
        "controls.note",
        "estimands",
        "influence",
        "process",
        "gap",
        "vetoes",
        "permutation.p_value",
        "twins",
    ),
)
TWINS_OUTCOME = of_report("result.json evaluation.twins.outcome", _twins, *_paths("twins.outcome"))
POSSIBLE_TWINS = of_report("what the numbers of result.json evaluation.twins say", _possible_twins, *_paths("twins"))
LOOK = of_report("result.json evaluation.look", _look, "result.json evaluation.look")
LOOKS = of_report(
    "spec.json protocol.looks",
    lambda told: None if told.spec is None else at(told.spec, "protocol").get("looks", 1),
    "spec.json protocol.looks",
)
EARLIER_METHODS = of_report("spec.json earlier.method.name", _earlier_methods, "spec.json earlier")
METHODS_THAT_ERASE = of_report(
    "the methods that erase",
    lambda _told: sorted(name for name, given in METHOD_GUARANTEES.items() if given not in ("control", "suppression")),
)
GUARANTEE = of_report("report method.guarantee", lambda told: told.report.method.guarantee, "report method.guarantee")
GUARANTEE_OF_METHOD = of_report("the guarantee of report method.name", _guarantee_of_method, "report method.name")
CONTROLS = of_report("result.json evaluation.controls", _controls, *_paths("controls.name"))
NEEDED_CONTROLS = of_report("the controls of the protocol's design", _needed_controls, "report protocol")
PROCESS_CHECKS = of_report("result.json evaluation.process", _process, *_paths("process.name"))
NEEDED_PROCESS = of_report("the process of report method.guarantee", _needed_process, "report method.guarantee")
CERTIFIED = of_report("result.json evaluation.process certificate", _certified, *_paths("process.sentence", "process.held"))
CERTIFICATE = of_report(
    "result.json certificate",
    _certificates,
    *(f"result.json certificate.{name}" for name in ("definition", "epsilon", "delta", "records")),
)
CERTIFIED_RECORDS = of_report("result.json certificate.records", _erased, "result.json certificate.records")
EVER_ERASED = of_report(
    "spec.json forget_ids and earlier, counted", _ever_erased, "spec.json forget_ids", "spec.json earlier"
)
INFLUENCE = of_report("result.json evaluation.influence", _influence, *_paths("influence.limit", "influence.measurable"))
EXPECTED_INFLUENCE = of_report(
    "what the protocol and result.json evaluation.influence give",
    _expected_influence,
    "report protocol",
    *_paths("influence.probability_low", "influence.probability_high", "influence.memorised"),
)
