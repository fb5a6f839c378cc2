"""What the last letter of a request counts is in the entry that closes it, and other entries must allow it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.evidence.checks.letters import check_letters
from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import TOLD
from tests.compliance.evidence.entry_data import stated

CORRECTED = ("ending.approved", {"outcome": "not_concerned"})


def told(*acts: tuple[str, dict[str, Any]]) -> None:
    """Check the letters of a history of these entries."""
    given: dict[str, Any] = {"subject": "request:LE-1", "at": datetime(2026, 3, 2, tzinfo=UTC), "actor": "account:1"}
    entries = [
        EntryBody.of(number=n, kind=kind, data=stated(kind, **data), **given) for n, (kind, data) in enumerate(acts, 1)
    ]
    check_letters(entries, ["in progress"] * len(entries))


def closed(outcome: str = "already_erased", **counts: int) -> tuple[str, dict[str, Any]]:
    return "request.closed", {"outcome": outcome, "accepted": 1, **counts}


def test_a_letter_counts_models_vocabularies_and_what_two_officers_took_out() -> None:
    told(closed())
    told(CORRECTED, closed(not_concerned=2, vocabularies=1, from_checkpoints=3, declared=2))


@pytest.mark.parametrize("outcome", ["withdrawn", "unconfirmed"])
@pytest.mark.parametrize("field", TOLD)
def test_nothing_is_counted_of_a_request_of_which_nobody_is_told(outcome: str, field: str) -> None:
    told(closed(outcome))
    with pytest.raises(VerificationError, match="nobody is told how this request ended"):
        told(CORRECTED, closed(outcome, **{field: 1}))


def test_no_vocabulary_was_made_from_accepted_examples_where_there_are_none() -> None:
    with pytest.raises(VerificationError, match="a vocabulary was made from accepted examples, and none was accepted"):
        told(closed("no_match", accepted=0, vocabularies=1))


def test_no_more_models_come_from_elsewhere_than_started_from_a_checkpoint() -> None:
    with pytest.raises(VerificationError, match="more models trained elsewhere than started from a checkpoint"):
        told(closed(from_checkpoints=1, declared=2))


def test_examples_do_not_belong_to_a_request_only_once_two_officers_have_said_so() -> None:
    with pytest.raises(VerificationError, match="no two officers have said so before"):
        told(closed(not_concerned=1), CORRECTED)


def test_the_end_that_an_earlier_version_wrote_counts_nothing() -> None:
    given: dict[str, Any] = {"subject": "request:LE-1", "at": datetime(2026, 3, 2, tzinfo=UTC), "actor": "account:1"}
    check_letters([EntryBody.of(number=1, kind="request.closed", data={"outcome": "completed"}, **given)], ["in progress"])
