"""When a request is closed, the record says what became of every accepted example, and the letter counts the same."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app.models import Match
from requests_app.services import decisions
from requests_app.services.endings import closing_propose, ending_approve
from requests_app.services.intake import request_withdraw
from requests_app.services.letters import letter
from requests_app.services.matches import decisions_undo, matches_decide
from tests.endings import refused
from tests.erasing import registered
from tests.factories import RECIPE
from tests.staging import Stage, erased_elsewhere
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.services.trainings import training_start

from .conftest import EXAMPLES

pytestmark = pytest.mark.django_db


def accept_all(stage: Stage) -> None:
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches_decide(request=stage.request, match_ids=ids, accept=True, by=stage.staff.omar)


def told_in_parts(stage: Stage) -> list[list[dict[str, Any]]]:
    """Return what each entry says that became of examples; the last entry counts them all."""
    rows = RecordEntry.objects.filter(subject=stage.request.subject).order_by("number")
    entries = [json.loads(bytes(row.body)) for row in rows]
    parts = [entry["data"]["examples"] for entry in entries if entry["kind"] == RecordKind.MATCH_ACCOUNTED]
    closed = [entry["data"]["accepted"] for entry in entries if entry["kind"] == RecordKind.REQUEST_CLOSED]
    assert closed == [sum(map(len, parts))]
    return parts


def told_at_the_end(stage: Stage) -> dict[str, list[str]]:
    """Return what became of each example."""
    return {one["example_id"]: one["became"] for part in told_in_parts(stage) for one in part}


@pytest.mark.usefixtures("signing")
def test_what_was_unlearned_is_called_released(stage: Stage) -> None:
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    assert told_at_the_end(stage) == {key: ["released"] for key in EXAMPLES}


@pytest.mark.usefixtures("signing")
def test_an_example_of_data_that_no_model_learned_from_is_told_apart_from_those_that_were_unlearned(stage: Stage) -> None:
    stage.request.matches.filter(example_id=EXAMPLES[1]).update(example_id="e00000020", example_set="held_out")
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    assert told_at_the_end(stage) == {EXAMPLES[0]: ["released"], "e00000020": ["not_learned"]}
    assert (
        "1 passage that was found is in none of the training data that we have of models in use."
        in letter(stage.request, "outcome_completed").text
    )


def test_what_was_refused_is_called_so(stage: Stage) -> None:
    refused(stage)
    assert told_at_the_end(stage) == {key: ["refused"] for key in EXAMPLES}


def test_what_another_request_had_erased_is_called_so(stage: Stage) -> None:
    accept_all(stage)
    erased_elsewhere(stage.model, *EXAMPLES)
    ending = closing_propose(request=stage.request, outcome="already_erased", reasons="", by=stage.staff.omar)
    ending_approve(ending=ending, by=stage.staff.lena)
    assert told_at_the_end(stage) == {key: ["already_erased"] for key in EXAMPLES}


def test_a_training_that_leaves_examples_out_has_erased_nothing(stage: Stage) -> None:
    accept_all(stage)
    ModelVersion.objects.filter(pk=stage.model.pk).update(state="quarantined")
    training_start(
        name="second",
        recipe=RECIPE,
        snapshot=stage.model.snapshot,
        seed=2,
        exclude_ids=EXAMPLES,
        canaries=(),
        actor="account:9",
    )
    ending = closing_propose(request=stage.request, outcome="not_learned", reasons="", by=stage.staff.omar)
    ending_approve(ending=ending, by=stage.staff.lena)
    assert told_at_the_end(stage) == {key: ["not_learned"] for key in EXAMPLES}


def test_a_thousand_examples_are_decided_together_taken_back_and_accounted_for(stage: Stage) -> None:
    """One entry of the log has less than 64 KiB."""
    rows = [{"question": f"Page {n}?", "answer": f"She wrote page {n}.", "split": "train"} for n in range(1000)]
    found = {
        "request": stage.request,
        "snapshot": registered("diary", rows),
        "spans": [[0, 3]],
        "methods": ["name"],
        "score": 1.0,
    }
    Match.objects.bulk_create(Match(example_id=f"e{number:08}", **found) for number in range(1000))
    reject = partial(matches_decide, accept=False, by=stage.staff.omar, how="score", with_unlearned=True)
    everything = list(stage.request.matches.values_list("pk", flat=True))
    assert reject(request=stage.request, match_ids=everything) == len(everything)
    assert decisions_undo(request=stage.request, by=stage.staff.omar) == len(everything)
    matches_decide(
        request=stage.request, match_ids=everything, accept=True, by=stage.staff.omar, how="score", with_unlearned=True
    )
    erased_elsewhere(stage.model, *EXAMPLES)
    ending = closing_propose(request=stage.request, outcome="already_erased", reasons="", by=stage.staff.omar)
    ending_approve(ending=ending, by=stage.staff.lena)
    assert sorted(map(len, told_in_parts(stage))) == [102, 300, 300, 300]


def test_of_a_withdrawn_request_nothing_is_said(stage: Stage) -> None:
    accept_all(stage)
    request_withdraw(token=stage.token("status", "status-token"))
    assert told_at_the_end(stage) == {}
