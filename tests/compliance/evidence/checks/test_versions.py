"""What came with which version: a result of today cannot be told as one of an earlier version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.agreements import AGREEMENTS, contradictions
from compliance.evidence.agreements.contents import KEPT_ANSWERS, VERSION
from compliance.evidence.agreements.judged import JUDGEMENT
from compliance.evidence.agreements.processes import EARLIER_NEAR
from compliance.evidence.agreements.raw_outputs import read_outputs
from compliance.evidence.checks.versions import check_versions, version_of
from compliance.evidence.record import EntryBody
from compliance.evidence.verification import verify_bundle
from compliance.formats.contracts import parse
from compliance.formats.errors import VerificationError
from compliance.formats.findings import Evaluation
from compliance.formats.protocol import Protocol
from compliance.formats.record_additions import ADDED_FIELDS, ADDED_KINDS, ADDED_WORDS
from compliance.formats.record_kinds import FIELDS, RecordKind
from compliance.formats.results import ANSWERS, BETWEEN_RELEASES, RESULT_VERSION
from compliance.formats.rules import possible_verdicts
from compliance.formats.verdicts import METHOD_GUARANTEES, METHODS_ADDED
from tests.compliance.evidence.agreements.first_version import measured_less, without_answers
from tests.compliance.evidence.agreements.judged_again import call, judge_again, method_is, reasons, verified
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.agreements.test_measured import ALONE, told
from tests.compliance.evidence.entry_data import stated
from tests.compliance.evidence.log_in_memory import START

Said = tuple[str, dict[str, Any]]
STARTED = "job.started"


def entries(*said: Said) -> list[EntryBody]:
    """These entries state what they are given, and nothing that came later than version 1."""
    return [
        EntryBody.of(subject="request:LE-1", number=number, kind=kind, at=START, actor="system", data=data)
        for number, (kind, data) in enumerate(said, start=1)
    ]


def first_words(kind: str) -> dict[str, Any]:
    later = {field for _, kinds in ADDED_FIELDS for field in kinds.get(kind, ())}
    return {field: value for field, value in stated(kind).items() if field not in later}


def job(version: int) -> Said:
    return STARTED, first_words(STARTED) | ({"result_version": version} if version > 1 else {})


def came() -> Iterator[tuple[int, Said]]:
    """Everything that came with a version, by itself."""
    for version, kinds in ADDED_FIELDS:
        for kind, fields in kinds.items():
            yield from ((version, (kind, first_words(kind) | {one: stated(kind)[one]})) for one in fields if kind != STARTED)
    for version, names in ADDED_KINDS.items():
        yield from ((version, (kind, first_words(kind))) for kind in sorted(names))
    for version, words in ADDED_WORDS.items():
        yield from ((version, (kind, first_words(kind) | {field: word})) for kind, field, word in sorted(words))


CAME = list(came())
NAMES = [f"{kind} {version}" for version, (kind, _) in CAME]


@pytest.mark.parametrize(("version", "said"), CAME, ids=NAMES)
def test_what_came_with_a_version_shows_it(version: int, said: Said) -> None:
    assert version_of(entries(said)[0]) == version


@pytest.mark.parametrize(("version", "said"), CAME, ids=NAMES)
def test_no_result_of_an_earlier_version_stands_beside_it(version: int, said: Said) -> None:
    for earlier in range(1, version):
        after = entries(job(earlier), said)
        if earlier not in BETWEEN_RELEASES:  # the present version may end what it began
            check_versions(after, 1)
        for history in (entries(said, job(earlier)), *([after] if earlier in BETWEEN_RELEASES else [])):
            with pytest.raises(VerificationError, match=rf"of version {earlier}, .* beside results of version {version}"):
                check_versions(history, 1)
    for later in range(version, RESULT_VERSION + 1):
        check_versions(entries(said, job(later)), 1)


def test_every_version_that_judged_otherwise_has_something_that_came_after_it() -> None:
    """Version 3 judges as today: as a result of it, one of today only loses the answers that it kept."""
    assert (
        {version + 1 for version in BETWEEN_RELEASES}
        <= {version for version, _ in CAME}
        <= set(range(2, RESULT_VERSION + 1))
    )
    assert max(BETWEEN_RELEASES) < RESULT_VERSION


def test_methods_that_came_later_are_known_to_verification() -> None:
    assert frozenset().union(*METHODS_ADDED.values()) < set(METHOD_GUARANTEES)
    assert set(METHODS_ADDED) <= set(ADDED_WORDS)


def test_a_method_that_no_version_added_was_there_from_the_first_one() -> None:
    """Whoever adds a method says with which version of results it comes, in METHODS_ADDED."""
    first = set(METHOD_GUARANTEES).difference(*METHODS_ADDED.values())
    assert first == {
        *("retrain", "summation", "sisa", "certified_removal", "dp_sgd", "npo", "gradient_difference", "gradient_ascent"),
        *("kl_retain", "finetune_retain", "noise_finetune", "scrub", "partial_reset", "salun", "datamodel_matching"),
        *("oracle_matching", "nothing"),
    }


def test_what_a_release_began_the_present_version_may_end() -> None:
    began = entries(job(1), ("request.closed", {"outcome": "completed", "accepted": 1}))
    check_versions(began, 2)
    with pytest.raises(VerificationError, match="its result is of version 1"):
        check_versions(began, 1)


def test_no_earlier_worker_takes_over_from_a_later_one() -> None:
    check_versions(entries(job(3)), 1)
    with pytest.raises(VerificationError, match=r"number 2 \(job.started\): its result is of version 2"):
        check_versions(entries(job(3), job(2)), 1)


@pytest.mark.parametrize(
    ("versions", "fits"),
    [((2, RESULT_VERSION), True), ((RESULT_VERSION, 2), False), ((RESULT_VERSION,), True), ((2,), False)],
)
def test_the_worker_that_began_last_decides_the_version(tmp_path: Path, versions: Sequence[int], fits: bool) -> None:
    story = told(tmp_path, ALONE)
    started = [(STARTED, data | {"item": "item-1", "attempt": 1}) for _, data in map(job, versions)]
    [pair] = [pair for pair in JUDGEMENT if pair.first is VERSION]
    assert (contradictions(replace(story, entries=entries(*started)), [pair]) == []) == fits


@pytest.mark.parametrize(
    ("version", "family", "kept", "fits"),
    [
        (4, "causal_lm", True, True),
        (4, "causal_lm", False, False),
        (4, "classifier", False, True),
        (4, "classifier", True, False),
        (3, "causal_lm", False, True),
        (3, "causal_lm", True, False),
    ],
)
def test_answers_are_kept_where_models_answer_in_texts_and_since_they_are_kept(
    tmp_path: Path, version: int, family: str, kept: bool, fits: bool
) -> None:
    story = told(tmp_path, ALONE)
    [(attempt, report)] = story.reports.items()
    files = {ANSWERS: "5" * 64} if kept else {}
    result = report.result | {"version": version, "files": report.result["files"] | files}
    spec = report.spec | {"recipe": report.spec["recipe"] | {"family": family}}
    [pair] = [pair for pair in AGREEMENTS if pair.first is KEPT_ANSWERS]
    retold = replace(story, reports={attempt: replace(report, result=result, spec=spec)})
    assert (contradictions(retold, [pair]) == []) == fits


def test_columns_that_came_later_are_in_no_earlier_file(tmp_path: Path) -> None:
    told(tmp_path, ALONE)
    assert read_outputs(tmp_path / "examples.parquet").sets
    with pytest.raises(VerificationError, match="columns that the engine does not write: 'conversation, gradient_norm, "):
        read_outputs(tmp_path / "examples.parquet", 3)


def third(retold: Retold) -> None:
    without_answers(retold)
    for result in retold.results.values():
        result["version"] = 3


@pytest.mark.django_db
def test_evidence_from_before_answers_were_kept_still_verifies(real: Real, tmp_path: Path) -> None:
    bundle = real.retold(tmp_path).write({"outputs": measured_less, "result": third, "entries": called(3)})
    assert verify_bundle(bundle).passed


def nearly_the_same(retold: Retold) -> None:
    """An exact result on an accelerator whose second training gave other weights, told as version 2 told it."""
    judge_again(retold)
    for result in retold.results.values():
        result["version"] = 2
    result, report = retold.results[2], retold.reports[2]
    report["environment"] = result["environment"] = result["environment"] | {"device": "cuda (H200)"}
    result["second_training"] = None
    given, again = result["evaluation"]["process"]
    again.update(held=True, sentence=EARLIER_NEAR)
    verdict = possible_verdicts(parse(Evaluation, result["evaluation"]), parse(Protocol, report["protocol"]), "exact")[0]
    assert (given["held"], verdict.outcome) == (True, "passed")
    call(retold, verdict)


def called(version: int) -> Callable[[Retold], None]:
    def change(retold: Retold) -> None:
        for entry in retold.of_kind(STARTED):
            entry["data"]["result_version"] = version

    return change


@pytest.mark.django_db
def test_nearly_the_same_weights_pass_for_no_exact_result_of_today(real: Real, tmp_path: Path) -> None:
    lies = {"spec": method_is("retrain"), "result": nearly_the_same, "entries": called(2)}
    found = reasons(verified(real, tmp_path, lies))
    assert "its result is of version 2, and entry number" in found
    assert "what was first said beside results of version 3" in found


def test_every_kind_of_the_tables_is_one_of_the_record() -> None:
    kinds = {kind for _, (kind, _) in CAME}
    assert kinds <= set(RecordKind)
    assert all(set(data) <= set(FIELDS[RecordKind(kind)]) for _, (kind, data) in CAME)
