"""The record says which examples an item holds, and which of a request's accepted examples have the same content."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from compliance.evidence.agreements import AGREEMENTS, Story, contradictions
from compliance.evidence.checks.course import check_course
from compliance.formats.record_kinds import EXAMPLES_PER_ENTRY, RecordKind
from compliance.record.selectors import entries_of
from requests_app import search_runner
from requests_app.models import ErasureRequest, Match
from requests_app.services import mapping, matches, search_orders
from tests.endings import reviewed_again
from tests.erasing import registered
from tests.personas import Staff
from tests.staging import Stage, corpus, rows, trained

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
WHY = "She wrote it, and it is all about her."


def told(request: ErasureRequest, kind: RecordKind) -> list[dict[str, Any]]:
    return [dict(entry.data) for entry in entries_of(subject=request.subject, kinds=(kind,))]


def labels(request: ErasureRequest) -> dict[tuple[str, str], str]:
    return {
        (one["snapshot"], one["example_id"]): label
        for data in told(request, RecordKind.MATCH_ACCEPTED)
        for one, label in zip(data["examples"], data["contents"], strict=True)
    }


def search_again(stage: Stage) -> None:
    search_orders.request_search_again(request=stage.request, by=stage.staff.omar)
    search_runner.request_map(request_id=stage.request.pk)
    stage.request.refresh_from_db()


def verifies(request: ErasureRequest) -> None:
    entries = entries_of(subject=request.subject)
    check_course(entries)
    assert contradictions(Story(request.reference, entries), AGREEMENTS) == []


def test_a_review_records_what_each_of_its_items_holds(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    trained(stage.model.snapshot, "other", left_out=["e00000002"])
    reviewed_again(stage)
    items = list(stage.request.items.order_by("number"))
    assert [item.model_name for item in items] == ["keeper", "other"]
    assert told(stage.request, RecordKind.ITEM_CREATED) == [
        {
            "item": item.key,
            "model": item.model_name,
            "snapshot": stage.model.snapshot.digest[:16],
            "examples": item.example_ids,
        }
        for item in items
    ]
    assert len(items[0].example_ids) == len(items[1].example_ids) + 1
    verifies(stage.request)


def test_an_item_with_many_examples_is_recorded_in_parts(staff: Staff) -> None:
    pages = [{"question": f"Page {n}?", "answer": f"She wrote page {n}.", "split": "train"} for n in range(310)]
    stage = Stage.opened(staff, trained(corpus())).searched()
    diary = trained(registered("diary", pages), "diarist")
    found = {"snapshot": diary.snapshot, "example_set": "train", "spans": [[0, 3]], "methods": ["name"], "score": 1.0}
    Match.objects.bulk_create(Match(request=stage.request, example_id=f"e{n:08}", **found) for n in range(310))
    ids = list(stage.request.matches.filter(snapshot=diary.snapshot).values_list("pk", flat=True))
    matches.matches_decide(request=stage.request, match_ids=ids, accept=True, by=staff.omar, how="score")
    others = list(stage.request.matches.exclude(pk__in=ids).values_list("pk", flat=True))
    matches.matches_decide(request=stage.request, match_ids=others, accept=False, by=staff.omar)
    stage.request = mapping.review_complete(request=stage.request, by=staff.omar)
    first, second = told(stage.request, RecordKind.ITEM_CREATED)
    assert (len(first["examples"]), len(second["examples"])) == (EXAMPLES_PER_ENTRY, 310 - EXAMPLES_PER_ENTRY)
    assert [*first["examples"], *second["examples"]] == stage.item.example_ids
    check_course(entries_of(subject=stage.request.subject))


def test_accepted_copies_have_one_label_and_everything_else_has_its_own(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    reviewed_again(stage)
    archive = registered("archive", [row | {"split": "train"} for row in rows()[1:3]])
    search_again(stage)
    mapping.match_add(request=stage.request, snapshot=archive, example_id="e00000000", reason=WHY, by=staff.omar)
    given = labels(stage.request)
    copy = given[archive.digest[:16], "e00000000"]
    assert [one for one, label in given.items() if label == copy] == [
        (stage.model.snapshot.digest[:16], "e00000001"),
        (archive.digest[:16], "e00000000"),
    ]
    assert len(set(given.values())) == len(given) - 1


def test_labels_do_not_show_that_two_requests_are_about_the_same_content(staff: Staff) -> None:
    model = trained(corpus())
    given = []
    for key in ("k1", "k2"):
        stage = Stage.opened(staff, model, key=key).searched()
        reviewed_again(stage)
        given.append(labels(stage.request))
    for one, other in pairwise(given):
        assert one.keys() == other.keys()
        assert not set(one.values()) & set(other.values())
