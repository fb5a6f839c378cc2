"""Retells a real bundle as an earlier version of Lethe told it: its results were of the first version."""

from __future__ import annotations

from typing import Any

from compliance.evidence.agreements.raw_outputs import ADDED_COLUMNS
from compliance.formats.contracts import parse
from compliance.formats.findings import Evaluation
from compliance.formats.protocol import Protocol
from compliance.formats.record_kinds import EARLIER_FIELDS
from compliance.formats.results import ANSWERS
from compliance.formats.rules import possible_verdicts

from .judged_again import call, judge_again, set_protocol
from .retold import Retold

SINCE = ("influence", "precision", "process", "vetoes", "duplicates")
"""What the first version did not find."""


def in_earlier_words(retold: Retold) -> None:
    """At the stage of the specification: the entries say what an earlier version said. Letters had the same words."""
    kept = [entry for entry in retold.entries if not entry["subject"].startswith("request:") or _was_written(entry["kind"])]
    dropped = len(retold.entries) - len(kept)
    for release in retold.releases.values():
        release["record_entries"] -= dropped
    retold.entries[:] = kept
    for entry in kept:
        if entry["subject"].startswith("request:"):
            _rename(entry)


def first_protocol(retold: Retold, **changes: Any) -> None:
    """At the stage of the specification: no shares of single examples are asked for."""
    for attempt in retold.specs:
        protocol = retold.reports[attempt]["protocol"]
        estimands = [one for one in protocol["estimands"] if one["kind"] not in ("missed", "damaged")]
        set_protocol(retold, attempt, estimands=estimands, **changes)


def measured_less(retold: Retold) -> None:
    """At the stage of the outputs: less was measured of each example before version 4."""
    for rows in retold.outputs.values():
        for row in rows:
            for name in ADDED_COLUMNS[4]:
                assert row.pop(name, None) is None


def without_answers(retold: Retold) -> None:
    """At the stage of the result: no answers were kept before version 4."""
    for result in retold.results.values():
        result["files"].pop(ANSWERS, None)


def first_results(retold: Retold) -> None:
    """At the stage of the result: the method alone was judged, and nobody said by which version."""
    without_answers(retold)
    for attempt in retold.results:
        judge_again(retold, attempt)
        evaluation = retold.results[attempt]["evaluation"]
        evaluation["estimands"] = [one for one in evaluation["estimands"] if one.get("scope", "method") == "method"]
        for name in SINCE:
            evaluation.pop(name, None)
        retold.results[attempt].pop("version", None)
        protocol = parse(Protocol, retold.reports[attempt]["protocol"])
        call(retold, possible_verdicts(parse(Evaluation, evaluation), protocol, "empirical")[0], attempt)


def _was_written(kind: str) -> bool:
    return kind in EARLIER_FIELDS or kind == "job.run_ended"


def _rename(entry: dict[str, Any]) -> None:
    data = entry["data"]
    if entry["kind"] == "job.run_ended":
        entry["kind"] = "job.attempt_ended"
    entry["data"] = data = {field: data[field] for field in EARLIER_FIELDS[entry["kind"]] if field in data}
    if entry["kind"] == "mapping.completed":
        data["not_searchable"] = 0
    if "examples" in data:
        data["examples"] = [{"snapshot": one["snapshot"], "record_id": one["example_id"]} for one in data["examples"]]
