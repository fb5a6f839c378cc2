"""Whoever holds every key can sign any history. One that cannot happen does not verify."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.evidence.verification import verify_bundle
from tests.compliance.evidence.agreements.conftest import real  # noqa: F401  # a fixture
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.stories import assert_fails

pytestmark = pytest.mark.django_db
ITEM = {"item": "item-1"}


def refused_and_released(retold: Retold) -> None:
    retold.first("item.decided")["data"]["granted"] = False


def refused_afterwards(retold: Retold) -> None:
    retold.insert("item.released", "item.decided", **ITEM, granted=False, ground="12_5")


def released_without_an_evaluation(retold: Retold) -> None:
    retold.entries = [entry for entry in retold.entries if entry["kind"] != "item.evaluated"]


def released_after_the_request_was_closed(retold: Retold) -> None:
    release = retold.first("item.released")
    retold.entries.remove(release)
    place = next(i for i, entry in enumerate(retold.entries) if entry["kind"] == "request.closed")
    retold.entries.insert(place + 1, release | {"at": retold.entries[place]["at"]})


def closed_twice(retold: Retold) -> None:
    retold.insert("request.closed", "request.closed", outcome="completed")


def closed_as_nothing_found(retold: Retold) -> None:
    retold.first("request.closed")["data"]["outcome"] = "no_match"


def closed_as_completed_with_an_open_item(retold: Retold) -> None:
    retold.first("matches.decided")["data"]["items"].append("item-2")


def approved_without_a_proposal(retold: Retold) -> None:
    retold.entries.remove(retold.first("proposal.submitted"))


def declined_and_approved(retold: Retold) -> None:
    retold.insert("proposal.submitted", "proposal.declined", **ITEM, attempt=2)


def started_twice_at_once(retold: Retold) -> None:
    retold.first("job.started")["data"]["run"] = 2


def completed_twice(retold: Retold) -> None:
    retold.insert("job.completed", "job.failed", **retold.first("job.completed")["data"], error="x")


def reviewed_before_the_search(retold: Retold) -> None:
    retold.entries.remove(retold.first("mapping.completed"))


def another_attempt_than_the_latest(retold: Retold) -> None:
    retold.first("item.evaluated")["data"]["attempt"] = 2


def sent_without_being_queued(retold: Retold) -> None:
    retold.first("message.queued")["data"]["message"] = 99


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        (refused_and_released, "it is refused, and should be granted"),
        (refused_afterwards, "it is released, and should be new"),
        (released_without_an_evaluation, "it is approved, and should be granted"),
        (released_after_the_request_was_closed, "it is closed, and should be in progress"),
        (closed_twice, "it is closed"),
        (closed_as_nothing_found, "its outcome is 'no_match', but its items are released"),
        (closed_as_completed_with_an_open_item, "its outcome is 'completed', but its items are new, released"),
        (approved_without_a_proposal, "it is granted, and should be proposed"),
        (declined_and_approved, "it is granted, and should be proposed"),
        (started_twice_at_once, "it is about run 2, and should be about run 1"),
        (completed_twice, "it is completed"),
        (reviewed_before_the_search, "it is confirmed, and should be under review"),
        (another_attempt_than_the_latest, "it is about attempt 2, and should be about attempt 1"),
        (sent_without_being_queued, "it is new, and should be queued"),
    ],
)
def test_a_history_that_cannot_happen_fails(
    real: Real,  # noqa: F811  # the fixture
    tmp_path: Path,
    story: Callable[[Retold], None],
    reason: str,
) -> None:
    bundle = real.retold(tmp_path).write({"entries": story})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", reason)
