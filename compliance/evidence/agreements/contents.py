"""Facts that follow from several values of the engine's files: digests, counts, and lists of examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compliance.evidence.statements import forget_set_digest
from compliance.formats.canonical import digest_of, parse_time
from compliance.formats.contracts import plain
from compliance.formats.results import ANSWER_IN_TEXTS, ANSWERS, KEEPS_ANSWERS, WITHHELD

from .agreement import same
from .facts import Fact, at, of_report
from .story import ToldReport

OUTPUTS_FOLDER, MODEL_FOLDER = "outputs/", "model/"
REPORT_FILES = ("result.json", "spec.json")
"""What a report signs beside the raw outputs."""
OUTPUT_FILES = ("outputs/examples.parquet", "outputs/trajectory.parquet")
CLOCKS = 1.0
"""Seconds by which the clocks of the engine and of its platform may differ."""


def forget_ids(told: ToldReport) -> list[str] | None:
    if told.specification is None:
        return None
    return sorted(told.specification.forget_ids)


def not_retained(told: ToldReport) -> list[str] | None:
    """Return what the unlearned model must not know: excluded, forgotten earlier, erased elsewhere, forgotten now."""
    told_it = told.specification
    if told_it is None:
        return None
    before = [example_id for step in told_it.earlier for example_id in step.forget_ids]
    return sorted({*told_it.exclude_ids, *told_it.erased_ids, *before, *told_it.forget_ids})


def accepted_are_forgotten(accepted: dict[str, list[str]], forgotten: dict[str, list[str]]) -> bool:
    """Return whether exactly the accepted examples are forgotten, now or by an earlier unlearning, or were left out before.

    Those that an earlier review accepted may be in an item of that review. That something was erased for other requests
    does not count: what the model still knows of it, and is accepted, has to be forgotten.
    """
    now, ever = set(forgotten["now"]), set(forgotten["ever"])
    return now <= set(accepted["all"]) and set(accepted["new"]) <= now | ever


def _forgotten(told: ToldReport) -> dict[str, list[str]] | None:
    now, gone = forget_ids(told), not_retained(told)
    if told.specification is None or now is None or gone is None:
        return None
    return {"now": now, "ever": sorted({*gone} - {*told.specification.erased_ids} | {*now})}


def _from_ids(make: Callable[[list[str]], Any]) -> Callable[[ToldReport], Any]:
    def value(told: ToldReport) -> Any:
        ids = forget_ids(told)
        return None if ids is None else make(ids)

    return value


FORGET_IDS = of_report("spec.json forget_ids", forget_ids, "spec.json forget_ids")
FORGET_COUNT = of_report("spec.json forget_ids, counted", _from_ids(len), "spec.json forget_ids")
FORGET_DIGEST = of_report("spec.json forget_ids, digested", _from_ids(forget_set_digest), "spec.json forget_ids")
FORGOTTEN = of_report(
    "spec.json forget_ids and earlier",
    _forgotten,
    *(f"spec.json {name}" for name in ("forget_ids", "earlier", "exclude_ids", "erased_ids")),
)
NOT_RETAINED = of_report("spec.json forget_ids, earlier, exclude_ids and erased_ids", not_retained, *FORGOTTEN.places)
LEFT_OUT = of_report(
    "spec.json exclude_ids, counted",
    lambda told: None if told.specification is None else len(told.specification.exclude_ids),
    "spec.json exclude_ids",
)


def _digest_at(path: str) -> Callable[[ToldReport], Any]:
    return lambda told: None if told.spec is None else digest_of(at(told.spec, path) if path else told.spec)


def _listed(told: ToldReport, folder: str) -> dict[str, str] | None:
    if told.result is None:
        return None
    files = at(told.result, "files")
    if not isinstance(files, dict):
        return {}
    return {name: digest for name, digest in files.items() if name.startswith(folder)}


def _listed_outputs(told: ToldReport) -> dict[str, str] | None:
    """Return the raw outputs that the result names, but for those that leave the operator with no report."""
    files = _listed(told, OUTPUTS_FOLDER)
    return None if files is None else {name: digest for name, digest in files.items() if name not in WITHHELD}


def _keeps_answers(told: ToldReport) -> bool | None:
    return None if told.findings is None else ANSWERS in told.findings.files


def _has_answers(told: ToldReport) -> bool | None:
    if told.findings is None or told.specification is None:
        return None
    return told.findings.version >= KEEPS_ANSWERS and told.specification.recipe.get("family") in ANSWER_IN_TEXTS


def _model_of_files(told: ToldReport) -> str | None:
    files = _listed(told, MODEL_FOLDER)
    return digest_of({name.removeprefix(MODEL_FOLDER): digest for name, digest in files.items()}) if files else None


def _signed_outputs(told: ToldReport) -> dict[str, str]:
    return {name: digest for name, digest in told.files.items() if name.startswith(OUTPUTS_FOLDER)}


def _judged(told: ToldReport) -> dict[str, list[Any]] | None:
    """Return the estimands by what they were judged about; None if the models' answers are no numbers."""
    evaluation = told.evaluation
    if evaluation is None or (not evaluation.estimands and evaluation.gap is None):
        return None
    judged: dict[str, list[Any]] = {}
    for finding in evaluation.estimands:
        judged.setdefault(finding.scope, []).append(plain(finding.estimand))
    return judged


def each_judges_all(judged: dict[str, list[Any]], estimands: list[Any]) -> bool:
    """Return whether every estimand was judged, in order, about whatever was judged at all."""
    return bool(judged) and all(same(ones, estimands) for ones in judged.values())


def _tested_examples(told: ToldReport) -> list[str] | None:
    examples = None if told.evaluation is None else told.evaluation.examples
    return None if examples is None else sorted(examples.example_ids)


def _drawn_examples(told: ToldReport) -> list[str] | None:
    trajectory = None if told.findings is None else told.findings.trajectory
    return None if trajectory is None else [one.example_id for one in trajectory.examples]


def each_once(drawn: list[str], forgotten: list[str]) -> bool:
    return len(set(drawn)) == len(drawn) and set(drawn) <= set(forgotten)


def _seconds(told: ToldReport) -> float | None:
    return None if told.findings is None else sum(told.findings.seconds.values())


def _between(told: ToldReport) -> float:
    """Return the seconds between the reported start and end."""
    return (parse_time(told.report.finished_at) - parse_time(told.report.started_at)).total_seconds()


def took_less(worked: float, passed: float) -> bool:
    """Return whether work can be done in this time; the two are measured by two clocks."""
    return 0 <= worked <= passed + CLOCKS


def _duplicates(told: ToldReport) -> list[str] | None:
    """Return the examples that are said to be repeated, and by which, where both can be."""
    evaluation, gone = told.evaluation, not_retained(told)
    if evaluation is None or gone is None:
        return None
    return [one.forget_id if 0 < one.likeness <= 1 and one.retain_id not in gone else "" for one in evaluation.duplicates]


def _moment_of(field: str) -> Fact:
    return of_report(f"report {field}", lambda told: parse_time(getattr(told.report, field)), f"report {field}")


SPEC_DIGEST = of_report("spec.json, digested", _digest_at(""))
RECIPE_DIGEST = of_report("spec.json recipe, digested", _digest_at("recipe"), "spec.json recipe")
REFERENCE = of_report(
    "report request and item",
    lambda told: f"request:{told.report.request}#{told.report.item}",
    "report request",
    "report item",
)
RESULT_FILE = of_report("report subject result.json", lambda told: told.files.get("result.json"), "report subjects")
SIGNED_OUTPUTS = of_report("report subjects in outputs", _signed_outputs, "report subjects")
LISTED_OUTPUTS = of_report("result.json files in outputs", _listed_outputs, "result.json files")
KEPT_ANSWERS = of_report("result.json files, the answers among them", _keeps_answers, "result.json files")
EXPECTED_ANSWERS = of_report(
    "result.json version and spec.json recipe, models that answer in texts",
    _has_answers,
    "result.json version",
    "spec.json recipe",
)
MODEL_OF_FILES = of_report("result.json files in model, digested", _model_of_files, "result.json files")
JUDGED = of_report(
    "result.json evaluation.estimands",
    _judged,
    "result.json evaluation.estimands.estimand",
    "result.json evaluation.estimands.scope",
)
TESTED = of_report("result.json evaluation.examples", _tested_examples, "result.json evaluation.examples.example_ids")
DRAWN = of_report("result.json trajectory.examples", _drawn_examples, "result.json trajectory.examples.example_id")
STARTED_AT, FINISHED_AT = _moment_of("started_at"), _moment_of("finished_at")
SECONDS = of_report("result.json seconds, in all", _seconds, "result.json seconds")
BETWEEN = of_report("time between report started_at and finished_at", _between, "report started_at", "report finished_at")
DUPLICATES = of_report("result.json evaluation.duplicates forget_id", _duplicates, "result.json evaluation.duplicates")
SIGNED_FILES = of_report("report subjects, by name", lambda told: sorted(told.files), "report subjects")
POSSIBLE_FILES = of_report("the files of a report", lambda _told: [*REPORT_FILES, *OUTPUT_FILES], "result.json files")
TRAINING_METRICS = of_report(
    "result.json training_metrics",
    lambda told: None if told.findings is None else dict(told.findings.training_metrics),
    "result.json training_metrics",
)
VERSION = of_report(
    "result.json version", lambda told: None if told.findings is None else told.findings.version, "result.json version"
)
