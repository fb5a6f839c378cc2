"""A suppression goes one way: started by an officer, renewed, and ended for a reason that the history gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.verification import verify_bundle
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.stories import assert_fails

pytestmark = pytest.mark.django_db
Lie = Callable[[Retold], None]
LATE = "2999-12-31"


def entry(retold: Retold, what: str, *, before: str, actor: str = "", **data: Any) -> None:
    """Write an entry right before the first of a kind, at its time; `before` "" is the end."""
    seal = retold.first("record.sealed")
    like = retold.first(before) if before else seal
    officer = retold.first("proposal.approved")["actor"]
    place = retold.entries.index(like)
    new = like | {"kind": f"suppression.{what}", "actor": actor or officer, "data": {"suppression": 1, **data}}
    retold.entries.insert(place, new)


def start(retold: Retold, **changes: Any) -> None:
    model = retold.first("item.created")["data"]["model"]
    data = {"model": model, "guard": "output_filter", "guard_sha256": "a" * 64, "until": LATE} | changes
    entry(retold, "started", before="proposal.submitted", **data)


def end(retold: Retold, why: str, *, before: str = "", actor: str = "") -> None:
    entry(retold, "ended", before=before, actor=actor, why=why)


def story(*acts: Callable[[Retold], None]) -> Lie:
    def tell(retold: Retold) -> None:
        for act in acts:
            act(retold)

    return tell


HONEST = {
    "taken back": story(start, lambda one: end(one, "taken_back", before="proposal.approved")),
    "expired": story(
        lambda one: start(one, until=one.first("proposal.submitted")["at"][:10]),
        lambda one: end(one, "expired", before="proposal.approved", actor="system"),
    ),
    "with the request": story(start, lambda one: end(one, "request_closed")),
    "renewed": story(
        start,
        lambda one: entry(one, "renewed", before="proposal.approved", until=LATE),
        lambda one: end(one, "request_closed"),
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_can_happen_verifies(real: Real, tmp_path: Path, name: str) -> None:
    bundle = real.retold(tmp_path).write({"entries": HONEST[name]})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert result.passed, result.summary


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (story(start), "it is still active, although the request is closed"),
        (
            story(start, lambda one: end(one, "released", before="proposal.approved")),
            "nothing before says that it was released",
        ),
        (
            story(start, lambda one: end(one, "request_closed", before="proposal.approved")),
            "nothing before says that it was request_closed",
        ),
        (
            story(start, lambda one: end(one, "expired", before="proposal.approved", actor="system")),
            "nothing before says that it was expired",
        ),
        (
            story(start, lambda one: end(one, "taken_back", before="proposal.approved", actor="system")),
            "does not end one because it was taken_back",
        ),
        (story(lambda one: end(one, "taken_back", before="proposal.approved")), "it is new, and should be active"),
        (
            story(HONEST["taken back"], lambda one: end(one, "taken_back")),
            "it is ended, and should be active",
        ),
        (
            story(HONEST["taken back"], lambda one: entry(one, "renewed", before="proposal.approved", until=LATE)),
            "it is ended, and should be active",
        ),
        (story(lambda one: start(one, until="2001-01-01")), "its last day is past"),
        (story(lambda one: start(one, guard="icul")), "nothing says what its guard"),
        (story(lambda one: start(one, suppression=2)), "should be about suppression 1"),
        (
            story(HONEST["with the request"], lambda one: one.first("suppression.started").update(actor="system")),
            "can only be made by account",
        ),
    ],
)
def test_what_cannot_happen_fails(real: Real, tmp_path: Path, lie: Lie, reason: str) -> None:
    bundle = real.retold(tmp_path).write({"entries": lie})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", reason)
