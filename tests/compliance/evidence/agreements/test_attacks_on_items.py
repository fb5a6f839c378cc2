"""Histories of a real case, changed: what an item held, what left it, and how the end calls each example."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from compliance.evidence.agreements import AGREEMENTS, Story, contradictions
from compliance.evidence.checks.course import check_course
from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K
from compliance.record.selectors import entries_of
from requests_app import search_runner
from requests_app.services import mapping, matches, search_orders
from tests.endings import corrected, refused, reviewed_again
from tests.erasing import registered
from tests.personas import Staff
from tests.staging import Stage, corpus, rows, trained

pytestmark = pytest.mark.django_db
TOLD: list[EntryBody] = []
"""The history, once it is made: tests only read it."""
ANSWER = "the end says that an example ended otherwise than what held it or its copy"
BESIDE = "an approval covers other examples than were accepted and in no item"
LEFT = "other examples left the item than were rejected"
CORRECTED = "what was rejected left other items than held it"
CREATED = "the review names other items than were created for it"
Data = dict[str, Any]
Lie = Callable[[list[EntryBody]], list[EntryBody]]


@pytest.fixture
def history(request: pytest.FixtureRequest) -> list[EntryBody]:
    """One of four examples left its item by two officers, and was accepted again for another item; both items were refused.

    Of three that were accepted in data that no model learned, one is a copy of a refused example, and two were withheld.
    """
    if not TOLD:
        request.getfixturevalue("artefacts")
        TOLD.extend(case(request.getfixturevalue("staff")))
    return deepcopy(TOLD)


def case(staff: Staff) -> list[EntryBody]:
    stage = Stage.opened(staff, trained(corpus())).searched()
    rocks = [{"question": f"Rock {n}?", "answer": f"Rock {n} is heavy.", "split": "train"} for n in range(2)]
    archive = registered("archive", [rows()[1] | {"split": "train"}, *rocks])
    ids = ["e00000000", "e00000001", "e00000002"]
    why = "She says that these are about her as well."
    mapping.matches_add(request=stage.request, snapshot=archive, example_ids=ids, reason=why, by=staff.omar)
    reviewed_again(stage)
    search_orders.request_search_again(request=stage.request, by=staff.omar)
    search_runner.request_map(request_id=stage.request.pk)
    stage.request.refresh_from_db()
    one = stage.request.matches.get(snapshot=stage.model.snapshot, example_id="e00000000")
    matches.matches_decide(request=stage.request, match_ids=[one.pk], accept=False, by=staff.omar)
    corrected(stage)
    matches.matches_decide(request=stage.request, match_ids=[one.pk], accept=True, by=staff.omar)
    reviewed_again(stage)
    for item in stage.request.items.select_related("request").order_by("number"):
        refused(stage, item)
    return entries_of(subject=stage.request.subject)


def wrong_with(entries: Sequence[EntryBody]) -> str:
    """What the steps say about a history."""
    entries = [replace(entry, number=number) for number, entry in enumerate(entries, start=1)]
    said = []
    try:
        check_course(entries)
        said = contradictions(Story("LE-1", entries), AGREEMENTS)
    except VerificationError as error:
        said.append(str(error))
    return " ".join(said)


def said(kind: str, **data: Any) -> Lie:
    """Every entry of a kind says something else."""
    return lambda told: [replace(one, data={**one.data, **data}) if one.kind == kind else one for one in told]


def ended(change: Callable[[Data], Data], withheld: int) -> Lie:
    """The end calls examples otherwise, and as many entered the ledger as follows."""

    def lie(told: list[EntryBody]) -> list[EntryBody]:
        told = [one for one in told if withheld or one.kind != K.ERASURE_ENTERED]
        told = said(K.ERASURE_ENTERED, examples=withheld)(told)
        [end] = [one for one in told if one.kind == K.MATCH_ACCOUNTED]
        return said(K.MATCH_ACCOUNTED, examples=list(map(change, end.data["examples"])))(told)

    return lie


def exchanged(one: Data) -> Data:
    other = {"refused": "not_learned", "not_learned": "refused"}
    return one | {"became": [other[way] for way in one["became"]]}


def copy_left_alone(told: list[EntryBody]) -> list[EntryBody]:
    """The copy of a refused example, which was added first, is withheld."""
    copy = next(one.data for one in told if one.kind == K.MATCH_ADDED)

    def answer(one: Data) -> Data:
        return one | {"became": ["not_learned"]} if copy.items() <= one.items() else one

    return ended(answer, 3)(told)


def copy_released_too(one: Data) -> Data:
    return one | {"became": ["copy_released", "refused"]} if one["became"] == ["refused"] else one


def without(kind: str) -> Lie:
    return lambda told: [one for one in told if one.kind != kind]


def twice(kind: str) -> Lie:
    return lambda told: [again for one in told for again in ([one, one] if one.kind == kind else [one])]


LIES: dict[str, tuple[Lie, str]] = {
    "all called refused": (ended(lambda one: one | {"became": ["refused"]}, 0), ANSWER),
    "refused and withheld exchanged": (ended(exchanged, 5), ANSWER),
    "a copy of what was refused is withheld": (copy_left_alone, ANSWER),
    "refused and found without influence": (
        ended(lambda one: one | {"became": sorted({"no_influence", "refused"})}, 0),
        ANSWER,
    ),
    "a copy of it unlearned as well": (ended(copy_released_too, 2), ANSWER),
    "none beside": (said(K.ENDING_APPROVED, beside=0), BESIDE),
    "one beside": (said(K.ENDING_APPROVED, beside=1), BESIDE),
    "one more beside": (said(K.ENDING_APPROVED, beside=4), BESIDE),
    "two left": (said(K.ITEM_CORRECTED, examples=2), LEFT),
    "four left": (said(K.ITEM_CORRECTED, examples=4), LEFT),
    "no correction": (without(K.ITEM_CORRECTED), "and the same act writes item.corrected"),
    "two corrections": (twice(K.ITEM_CORRECTED), CORRECTED),
    "a correction of no item": (said(K.ITEM_CORRECTED, item=""), "nothing says what its item"),
    "a correction by another end": (said(K.ITEM_CORRECTED, ending=2), "its ending is another than that of ending.approved"),
    "nothing says what the item holds": (without(K.ITEM_CREATED), CREATED),
    "an item of nothing": (said(K.ITEM_CREATED, examples=[]), "nothing says what its examples"),
    "an item of what nobody accepted": (
        said(K.ITEM_CREATED, examples=["e00000005"]),
        "an item was created with examples that were not accepted",
    ),
    "an item of less": (said(K.ITEM_CREATED, examples=["e00000001", "e00000002"]), BESIDE),
    "no labels": (said(K.MATCH_ACCEPTED, contents=[]), "not every accepted example has a label"),
}


@pytest.mark.parametrize("name", LIES)
def test_what_items_held_left_and_became_is_told_as_it_was(history: list[EntryBody], name: str) -> None:
    lie, reason = LIES[name]
    assert wrong_with(history) == ""
    assert reason in wrong_with(lie(history))


def upgraded(told: list[EntryBody]) -> list[EntryBody]:
    """An earlier version made the first review, which lists no examples and no labels."""
    first = next(place for place, one in enumerate(told) if one.kind == K.MATCHES_DECIDED)
    earlier = [
        replace(one, data={field: value for field, value in one.data.items() if field != "contents"})
        for one in told[:first]
        if one.kind != K.ITEM_CREATED
    ]
    return [*earlier, *told[first:]]


def test_a_case_that_an_earlier_version_began_is_held_to_what_it_says(history: list[EntryBody]) -> None:
    told = upgraded(history)
    assert [one.data["item"] for one in told if one.kind == K.ITEM_CREATED] == ["item-2"]
    assert wrong_with(told) == ""
    assert wrong_with(ended(exchanged, 5)(told)) != "", "what the second item held was refused"
    assert wrong_with(copy_left_alone(told)) == "", "nothing says what the first item held"
    assert BESIDE in wrong_with(said(K.ENDING_APPROVED, beside=8)(told))
    assert CREATED in wrong_with(without(K.ITEM_CREATED)(told))


def others(value: Any) -> Iterator[Any]:
    """Other values of the same form."""
    if isinstance(value, int):
        yield from (number for number in (0, value - 1, value + 1) if 0 <= number != value)
    elif isinstance(value, str):
        yield f"{value[:-1]}{'0' if value[-1:] != '0' else '1'}"
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield [*value[:place], *value[place + 1 :]]
            yield from ([*value[:place], other, *value[place + 1 :]] for other in others(one))
    elif isinstance(value, dict):
        yield from ({**value, name: other} for name, one in value.items() for other in others(one))


KINDS = (K.ITEM_CREATED, K.ITEM_CORRECTED, K.MATCH_ACCOUNTED)
BY_NOBODY_ELSE = {"model": "nothing else in a bundle names the model of an item that had no attempt"}


def test_no_value_of_such_an_entry_can_be_another_one(history: list[EntryBody]) -> None:
    missed = [
        (entry.kind, field, other)
        for place, entry in enumerate(history)
        if entry.kind in KINDS
        for field, value in entry.data.items()
        if field not in BY_NOBODY_ELSE
        for other in others(value)
        if not wrong_with([*history[:place], replace(entry, data={**entry.data, field: other}), *history[place + 1 :]])
    ]
    assert missed == []


def test_none_of_these_entries_can_be_left_out_repeated_or_moved(history: list[EntryBody]) -> None:
    for place, entry in enumerate(history):
        if entry.kind in KINDS:
            before, rest = history[:place], history[place + 1 :]
            for told in ([*before, *rest], [*before, entry, entry, *rest], [*before, rest[0], entry, *rest[1:]]):
                assert wrong_with(told), entry.kind
