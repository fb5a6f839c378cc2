"""A contradiction for every pair of the table: found by the name of a place, or written here where that is not enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from compliance.evidence.agreements import Agreement
from compliance.evidence.agreements.contents import EXPECTED_ANSWERS, KEPT_ANSWERS
from compliance.formats.canonical import digest_of
from compliance.formats.record_kinds import FIELDS, RecordKind
from compliance.formats.results import ANSWERS
from tests.compliance.evidence.entry_data import stated

from .judged_otherwise import ATTEMPT, JUDGED, Change, entries, report, result
from .limited import LIMITED
from .retold import STAGES, Retold
from .sampled import SAMPLED

OTHER_DIGEST, LATER, EARLIER = "5" * 64, "2099-01-01T00:00:00.000000Z", "2000-01-01T00:00:00.000000Z"
ANOTHER_CONTENT = "5" * 16
PLACE = re.compile(r"(report|release|spec\.json|result\.json|[a-z_]+\.[a-z_]+) ([a-z0-9_.]+)")


def release(**values: Any) -> Change:
    return "release", lambda retold: retold.releases[2].update(values)


def job_ended(kind: str) -> Change:
    data = {"job": 99, "run": 1, "item": "item-1", "attempt": 2}
    return entries(lambda retold: retold.insert("job.created", kind, **data, error="x"))


def message_ended(kind: str) -> Change:
    def ended(retold: Retold) -> None:
        message = retold.first("message.queued")["data"]["message"]
        retold.insert("message.queued", kind, message=message, template="another")

    return entries(ended)


def accounted(retold: Retold) -> list[dict[str, Any]]:
    examples: list[dict[str, Any]] = retold.first("match.accounted")["data"]["examples"]
    return examples


def one_more(retold: Retold, *, became: str, example_id: str = "e00000019", **changes: str) -> None:
    """One more match is accepted than was unlearned; the end says what became of it, and it enters the ledger."""
    accepted, closed = retold.first("match.accepted")["data"], accounted(retold)
    accepted["examples"].append(accepted["examples"][0] | {"example_id": example_id} | changes)
    accepted["contents"].append(ANOTHER_CONTENT)
    for approval in retold.of_kind("proposal.approved"):
        approval["data"]["beside"] += 1
    closed.append(closed[0] | {"example_id": example_id, "became": [became]})
    withheld = {"item": "", "attempt": 0, "examples": 1, "entries_sha256": OTHER_DIGEST}
    retold.insert("item.released", "erasure.entered", **withheld)
    retold.first("mapping.completed")["data"]["candidates"] += 1
    retold.first("matches.decided")["data"]["accepted"] += 1
    retold.first("request.closed")["data"]["accepted"] += 1


def called_held_out(retold: Retold) -> None:
    """One more match is accepted and called held out, which a retained example is not."""
    one_more(retold, became="not_learned", set="held_out")


def one_more_left(retold: Retold) -> None:
    """One more match is accepted, and the end says that it had been erased before."""
    one_more(retold, became="already_erased")


def accepted_by_one(retold: Retold) -> None:
    """One more match is accepted after the last approval, and withheld as the request ends."""
    accepted, ids = retold.first("match.accepted")["data"], {"example_id": "e00000019"}
    one = {"examples": [accepted["examples"][0] | ids], "contents": [ANOTHER_CONTENT]}
    retold.insert("item.evaluated", "match.accepted", **accepted | one)
    closed, entered = accounted(retold), {"item": "", "attempt": 0, "examples": 1, "entries_sha256": OTHER_DIGEST}
    closed.append(closed[0] | ids | {"became": ["not_learned"]})
    retold.first("request.closed")["data"]["accepted"] += 1
    retold.insert("item.released", "erasure.entered", **entered)


def closed_as(became: list[str]) -> Change:
    return entries(lambda retold: accounted(retold)[0].update(became=became))


def other_protocol(retold: Retold) -> None:
    protocol = retold.reports[ATTEMPT]["protocol"] | {"alpha": 0.2}
    retold.reports[ATTEMPT].update(protocol=protocol, protocol_sha256=digest_of(protocol))


def ended_as_erased(retold: Retold) -> None:
    """Two officers ended the request as already erased, and its examples had been released."""
    ending("ending.approved", item="", outcome="already_erased")[1](retold)
    retold.first("request.closed")["data"]["outcome"] = "already_erased"


ENDING = {"item": "item-1", "ending": 1, "outcome": "refused", "ground": "12_5"}
"""An end without unlearning; the entry after which it is inserted says by whom, so one officer proposes and approves it."""


def ending(decided: str, *further: tuple[str, dict[str, Any]], **changes: Any) -> Change:
    """An end is proposed, and approved or declined as `changes` say; then comes what else is given."""

    def apply(retold: Retold) -> None:
        for kind, data in reversed([("ending.proposed", ENDING), (decided, ENDING | changes), *further]):
            retold.insert("item.decided", kind, **data)

    return entries(apply)


HELD: Mapping[str, Change] = {
    "match.accepted contents of an entry, counted / match.accepted examples of an entry, counted": entries(
        lambda retold: retold.first("match.accepted")["data"]["contents"].pop()
    ),
    "match.accepted contents / match.accepted contents before": entries(
        lambda retold: retold.insert(
            "match.accepted",
            "match.accepted",
            **retold.first("match.accepted")["data"] | {"contents": [ANOTHER_CONTENT] * 3},
        )
    ),
    "item.created item, of a review / matches.decided items of a review": entries(
        lambda retold: retold.entries.remove(retold.first("item.created"))
    ),
    "matches.decided items of a review / matches.decided items of the reviews before": entries(
        lambda retold: retold.insert("review.completed", "matches.decided", **retold.first("matches.decided")["data"])
    ),
    "item.created examples / item.created examples of the model before": entries(
        lambda retold: retold.insert("item.created", "item.created", **retold.first("item.created")["data"])
    ),
    "item.corrected examples / what was left of the item": entries(
        lambda retold: retold.insert("item.decided", "item.corrected", item="item-1", examples=2, ending=1)
    ),
    "item.corrected item, by its ending / open items that held what was rejected": ending(
        "ending.approved",
        ("item.corrected", {"item": "item-1", "examples": 3, "ending": 1}),
        item="",
        outcome="not_concerned",
    ),
}
"""What items hold: by the pair's name."""

WRITTEN: Mapping[str, Change] = {
    **JUDGED,
    **LIMITED,
    **HELD,
    **SAMPLED,
    **{
        f"{kind} {field} / ending.proposed {field}": ending(kind, **{field: "other"})
        for kind in ("ending.approved", "ending.declined")
        for field in ("item", "outcome", "ground")
    },
    "ending.approved actor / ending.proposed actor": ending("ending.approved"),
    "the outcome with which it ended / ending.approved outcome": ending(
        "ending.approved", ("item.lapsed", {"item": "item-1", "outcome": "not_learned"})
    ),
    "item.decided ground of a refusal / ending.approved ground": ending(
        "ending.approved", ("item.decided", {"item": "item-1", "granted": False, "ground": "17_3_e"})
    ),
    "item.corrected ending / ending.approved ending before, for the request": entries(
        lambda retold: retold.insert("item.decided", "item.corrected", item="item-1", examples=2, ending=1)
    ),
    "item.lapsed outcome without an approved end / request.closed outcome": entries(
        lambda retold: retold.insert("item.decided", "item.lapsed", item="item-1", outcome="withdrawn")
    ),
    "ending.approved outcome no_influence / verdict of the item's last signed report before": ending(
        "ending.approved", outcome="no_influence"
    ),
    "ending.approved outcome of the request / last search and accepted matches before": ending(
        "ending.approved", item="", outcome="no_match"
    ),
    "match.accepted examples set held_out / examples.parquet example_id of the set held_out": entries(called_held_out),
    "day of request.submitted / request.submitted due_on": entries(
        lambda retold: retold.first("request.submitted")["data"].update(due_on="2050-01-01")
    ),
    "request.submitted due_on / request.extended due_on and months": entries(
        lambda retold: retold.insert("mapping.completed", "request.extended", due_on="2020-01-01", months=2)
    ),
    "mapping.completed unreadable / mapping.completed searched": entries(
        lambda retold: retold.first("mapping.completed")["data"].update(
            unreadable=retold.first("mapping.completed")["data"]["searched"]
        )
    ),
    "match.added examples / match.accepted examples at any time": entries(
        lambda retold: retold.insert("mapping.completed", "match.added", snapshot="5" * 16, example_id="e00000019")
    ),
    "matches.decided accepted and rejected / mapping.completed candidates and match.added": entries(
        lambda retold: retold.first("mapping.completed")["data"].update(candidates=5)
    ),
    "items of other entries / matches.decided items": entries(
        lambda retold: retold.first("item.decided")["data"].update(item="item-9")
    ),
    "snapshots of the matches / mapping.completed searched": entries(
        lambda retold: retold.first("mapping.completed")["data"].update(searched=[OTHER_DIGEST])
    ),
    "message.failed template / message.queued template": message_ended("message.failed"),
    "message.lapsed template / message.queued template": message_ended("message.lapsed"),
    "examples of the item by item.created and match.accepted / spec.json forget_ids and earlier": entries(
        lambda retold: retold.first("item.created")["data"]["examples"].pop()
    ),
    "spec.json forget_ids / match.accepted examples at the release": entries(
        lambda retold: retold.insert(
            "item.evaluated",
            "match.rejected",
            **stated("match.rejected", examples=retold.first("match.accepted")["data"]["examples"][:1]),
        )
    ),
    "match.accounted examples / match.accepted examples at the end": entries(lambda retold: accounted(retold).pop()),
    "match.accounted released / spec.json forget_ids of what was released": closed_as(["not_learned"]),
    "match.accounted left alone / spec.json erased_ids, exclude_ids and earlier": entries(one_more_left),
    "request.closed outcome by what models know / match.accounted became, of all": entries(ended_as_erased),
    "match.accounted became / how the items ended that held it or its content": closed_as(["refused", "released"]),
    "erasure.entered examples, without a release / match.accounted that no model in use knows": entries(
        lambda retold: retold.insert(
            "item.released", "erasure.entered", item="", attempt=0, examples=3, entries_sha256=OTHER_DIGEST
        )
    ),
    "beside of approvals / accepted examples in no item before approvals": entries(
        lambda retold: retold.first("proposal.approved")["data"].update(beside=1)
    ),
    "match.accounted of what was withheld / accepted examples before the last approval": entries(accepted_by_one),
    "job.failed job / job.created job": job_ended("job.failed"),
    "job.cancelled job / job.created job": job_ended("job.cancelled"),
    "report protocol_sha256 / proposal.approved protocol_sha256": ("report", other_protocol),
    "report protocol.assurance / spec.json assurance": (
        "spec",
        lambda retold: retold.specs[ATTEMPT].update(assurance="declared"),
    ),
    "proposal.approved time / report started_at": report(started_at=EARLIER),
    "report started_at / job.started time": (
        "report",
        lambda retold: retold.reports[ATTEMPT].update(started_at=retold.reports[ATTEMPT]["finished_at"]),
    ),
    "report finished_at / job.completed time": report(finished_at=LATER),
    "result.json files in model, digested / report result_model_sha256": result(
        lambda value: value["files"].update({"model/config.json": OTHER_DIGEST})
    ),
    "result.json files in outputs / report subjects in outputs": result(
        lambda value: value["files"].update({"outputs/more.parquet": OTHER_DIGEST})
    ),
    f"{KEPT_ANSWERS.name} / {EXPECTED_ANSWERS.name}": result(lambda value: value["files"].pop(ANSWERS)),
    "release record_entries / attestation.signed number of the release": release(record_entries=999),
    "item.released number / release record_entries": release(record_entries=1),
}
"""By the pair's name."""


def contradiction_of(agreement: Agreement) -> Mapping[str, Callable[[Retold], None]]:
    """Return what makes the two facts of a pair disagree in a bundle, by stage.

    Raises:
        LookupError: neither of them is a single field that could simply be changed, and nothing is written above.
    """
    if agreement.name in WRITTEN:
        return dict([WRITTEN[agreement.name]])
    for fact in (agreement.first, agreement.second):
        if (match := PLACE.fullmatch(fact.name)) and (change := _changed(*match.groups())):
            return dict([change])
    message = (
        f"The pair “{agreement.name}” has no contradiction. Add one to WRITTEN in {__name__.replace('.', '/')}.py: the stage"
        f" ({', '.join(STAGES)}) and a function that changes one of the two places in the retold bundle."
    )
    raise LookupError(message)


def _changed(where: str, path: str) -> Change | None:
    files: Mapping[str, tuple[str, Callable[[Retold], Any]]] = {
        "report": ("report", lambda retold: retold.reports[ATTEMPT]),
        "release": ("release", lambda retold: retold.releases[2]),
        "spec.json": ("spec", lambda retold: retold.specs[ATTEMPT]),
        "result.json": ("result", lambda retold: retold.results[ATTEMPT]),
    }
    if where in files:
        stage, content = files[where]
        return stage, lambda retold: _replace(content(retold), path)
    if where in set(RecordKind) and path in FIELDS[RecordKind(where)]:
        return "entries", lambda retold: _replace(retold.first(where)["data"], path)
    return None


def _replace(content: Any, path: str) -> None:
    *parents, last = path.split(".")
    for key in parents:
        content = content[key]
    content[last] = _other(content[last])


def _other(value: Any) -> Any:
    """Return another value of the same form."""
    if isinstance(value, str):
        return OTHER_DIGEST if re.fullmatch("[0-9a-f]{64}", value) else f"{value}x"
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return [*value, "x"] if isinstance(value, list) else {**value, "x": 1}
