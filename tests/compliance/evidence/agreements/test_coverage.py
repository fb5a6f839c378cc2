"""Every place in a bundle at which a fact stands is read by a pair or by a step, or there is a reason why not."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from compliance.evidence.agreements import AGREEMENTS, MEASURED
from compliance.evidence.agreements.coverage import NOT_READ, READ_BY_A_STEP
from compliance.evidence.agreements.specification import Specification
from compliance.evidence.bundle import ProvenEntry
from compliance.evidence.checkpoints import Checkpoint
from compliance.evidence.checks.course import AT_ANY_TIME, ITEM_MOVES, JOB_MOVES, MESSAGE_MOVES, REQUEST_MOVES
from compliance.evidence.dsse import Envelope
from compliance.evidence.record import EntryBody
from compliance.evidence.statements import Release, Statement, UnlearningReport
from compliance.evidence.trust import TrustFile
from compliance.evidence.verification import verify_bundle
from compliance.formats.record_kinds import FIELDS, RecordKind
from requests_app.states import ITEM_TRANSITIONS, REQUEST_TRANSITIONS
from unlearning_jobs.engine.contracts import JobResult, JobSpec
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

from .retold import Real

READ = {place for agreement in AGREEMENTS + MEASURED for place in agreement.places} | READ_BY_A_STEP.keys()
DOCUMENTS = {
    "entry": EntryBody,
    "line": ProvenEntry,
    "report": UnlearningReport,
    "release": Release,
    "statement": Statement,
    "envelope": Envelope,
    "checkpoint": Checkpoint,
    "trust.json": TrustFile,
    "spec.json": JobSpec,
    "result.json": JobResult,
}
COLUMNS = ("group", "seed", "set", "example_id", *STATISTICS)
MESSAGE = (
    "Nobody reads {places}. Pair each in compliance/evidence/agreements/table.py with where else its fact stands; if a step"
    " of the verification reads it, name the step in READ_BY_A_STEP of coverage.py beside it; if nothing can be"
    " compared with it, give the reason in NOT_READ there."
)


def leaves(cls: type, where: str) -> Iterator[str]:
    """Yield the path of every value in a dataclass, down into the dataclasses, lists and options that it contains."""
    hints = typing.get_type_hints(cls)
    for field in fields(cls):
        inner = [hint for hint in _flat(hints[field.name]) if is_dataclass(hint)]
        path = f"{where}.{field.name}" if where else field.name
        yield from (leaf for one in inner for leaf in leaves(typing.cast("type", one), path)) if inner else (path,)


def _flat(hint: object) -> Iterator[object]:
    yield hint
    for argument in typing.get_args(hint):
        yield from _flat(argument)


def every_place() -> list[str]:
    places = {f"{kind} {field}" for kind, names in FIELDS.items() for field in names}
    places |= {f"{name} {leaf}" for name, cls in DOCUMENTS.items() for leaf in leaves(cls, "")}
    places |= {f"examples.parquet {column}" for column in COLUMNS}
    # The entry in a line is named `entry` here, and its data by kind.
    return sorted(place for place in places - {"entry data"} if not place.startswith("line entry"))


def covers(place: str, stated: typing.Collection[str]) -> bool:
    document, _, path = place.partition(" ")
    parts = path.split(".")
    above = {f"{document} {'.'.join(parts[:count])}" for count in range(1, len(parts) + 1)}
    return not above.isdisjoint(stated)


def test_every_place_has_a_reader_or_a_reason() -> None:
    unread = [place for place in every_place() if not covers(place, READ | NOT_READ.keys())]
    assert not unread, MESSAGE.format(places="; ".join(unread))


def test_a_new_field_without_a_reader_is_noticed() -> None:
    assert not covers("item.evaluated mood", READ | NOT_READ.keys())
    assert not covers("result.json evaluation.mood", READ | NOT_READ.keys())


def test_readers_and_reasons_are_about_places_that_there_are() -> None:
    places = every_place()
    stated = READ_BY_A_STEP.keys() | NOT_READ.keys()
    assert [one for one in stated if not any(covers(place, {one}) for place in places)] == []
    assert READ_BY_A_STEP.keys() & NOT_READ.keys() == set()
    assert [one for one in NOT_READ if one in READ] == [], "a place that is read needs no reason"


@pytest.mark.django_db
def test_the_steps_that_read_are_steps_of_the_verification(real: Real) -> None:
    titles = [step.title for step in verify_bundle(real.bundle).steps]
    assert [words for words in set(READ_BY_A_STEP.values()) if not any(words in title for title in titles)] == []


def test_every_kind_in_a_history_has_its_place_in_the_course_of_events() -> None:
    """The verifier's tables and those of the services are two, on purpose; both know the same kinds."""
    moves = {*REQUEST_MOVES, *ITEM_MOVES, *JOB_MOVES, *MESSAGE_MOVES, *AT_ANY_TIME}
    of_others = {place.partition(" ")[0] for place, reason in NOT_READ.items() if "no bundle contains" in reason}
    elsewhere = {
        *(RecordKind.CORPUS_REGISTERED, RecordKind.MODEL_REGISTERED, RecordKind.CHECKPOINT_REGISTERED),
        *(RecordKind.CANARIES_DRAWN, RecordKind.CANARIES_OPENED, RecordKind.KEYS_PUBLISHED, RecordKind.LOG_RECOVERED),
    }
    missing = set(RecordKind) - moves - of_others - elsewhere
    assert not missing, (
        f"Say in compliance/evidence/checks/course.py what comes before {missing}, or why it may come any time."
    )
    assert set(ITEM_TRANSITIONS) <= set(ITEM_MOVES)
    assert set(REQUEST_TRANSITIONS) <= set(REQUEST_MOVES)


def test_verification_reads_every_field_of_a_specification() -> None:
    assert {field.name for field in fields(Specification)} == {field.name for field in fields(JobSpec)}
