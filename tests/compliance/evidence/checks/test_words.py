"""The verifier knows the words of the services, which it cannot import."""

from __future__ import annotations

from typing import get_args

import pytest
from django.conf import settings

from compliance.evidence.checks.forms import MADE_BY
from compliance.evidence.checks.words import ENDINGS, GROUNDS, LANGUAGES, OUTCOMES, WAYS_TO_DECIDE, WORDS
from compliance.formats.record_kinds import FIELDS, NOT_CONCERNED, RecordKind
from compliance.formats.record_kinds import RecordKind as K
from requests_app.services.matches import How
from requests_app.states import Ground, RequestOutcome

READ_ELSEWHERE = {
    f"{K.REQUEST_SUBMITTED} submitted_by": "it is the actor of the entry",
    **{
        f"{kind} examples": "each has the fields of a match, and nothing twice"
        for kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED, K.MATCH_REOPENED)
    },
    **{
        f"{kind} ground": "it fits the decision and the kind of request"
        for kind in (K.ITEM_DECIDED, K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED)
    },
    f"{K.ATTESTATION_SIGNED} predicate_type": "it is that of the signed statement",
    f"{K.RECORD_SEALED} entries": "it is the number of the seal itself",
}
"""All other fields of a request's history, and what another check reads of them."""


def test_languages_are_those_of_the_pages() -> None:
    assert set(dict(settings.LANGUAGES)) == LANGUAGES


def test_ways_to_decide_are_those_of_the_officers() -> None:
    assert set(get_args(How)) == WAYS_TO_DECIDE


def test_outcomes_are_those_of_requests() -> None:
    assert {str(one) for one in RequestOutcome} == OUTCOMES | {NOT_CONCERNED}
    assert ENDINGS < OUTCOMES


def test_grounds_are_those_of_decisions() -> None:
    assert {str(one) for one in Ground} == set().union(*GROUNDS.values())


def test_every_field_of_a_history_has_words_or_another_reader() -> None:
    fields = {f"{kind} {field}" for kind in MADE_BY for field in FIELDS[RecordKind(kind)]}
    unread = sorted(fields - WORDS.keys() - READ_ELSEWHERE.keys())
    assert not unread, f"Say in compliance/evidence/checks/words.py what {unread} can say."
    assert sorted(READ_ELSEWHERE.keys() - fields) == []
    assert READ_ELSEWHERE.keys() & WORDS.keys() == set()


@pytest.mark.parametrize("nonsense", [{"nothing": True}, "\u2603", -1], ids=["an object", "a sign", "less than nothing"])
def test_no_word_is_read_out_of_what_has_no_meaning(nonsense: object) -> None:
    codes = {
        f"{K.MAPPING_COMPLETED} matcher",
        f"{K.MATCH_ADDED} example_id",
        f"{K.SEARCH_FAILED} error",
        f"{K.SAMPLE_FAILED} error",
        f"{K.STORE_ERASURE_FAILED} error",
        f"{K.JOB_FAILED} error",
    }
    free = codes if isinstance(nonsense, str) else set()
    assert [place for place, says in WORDS.items() if says(nonsense) and place not in free] == []
