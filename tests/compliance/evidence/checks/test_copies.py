"""A completed request has settled every copy that its releases named, and what became of each can have become of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.verification import verify_bundle
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.stories import assert_fails

pytestmark = pytest.mark.django_db
Lie = Callable[[Retold], None]
CLOSED = "request.closed"
FIRST_OF_THE_END = "match.accounted"
"""What stands right behind the last act before the close, and is written by whoever closes."""


def named(retold: Retold, *copies: int) -> None:
    """The release names these copies."""
    retold.first("item.released")["data"]["copies"] = list(copies)


def settle(retold: Retold, copy: int = 7, how: str = "erased", *, before: str = FIRST_OF_THE_END, **data: Any) -> None:
    """Whoever closes the request settles a copy, right before a kind; `before` "" is the end."""
    like = retold.first(before or "record.sealed")
    actor = data.pop("actor", "") or retold.first(CLOSED)["actor"]
    said = {"copy": copy, "how": how, "ground": "", "until": ""} | data
    place = retold.entries.index(like)
    retold.entries.insert(place, like | {"kind": "copy.settled", "actor": actor, "data": said})


def day(retold: Retold, days: int) -> str:
    return (date.fromisoformat(retold.first(CLOSED)["at"][:10]) + timedelta(days=days)).isoformat()


def story(*acts: Callable[[Retold], None]) -> Lie:
    def tell(retold: Retold) -> None:
        for act in acts:
            act(retold)

    return tell


def seven(retold: Retold) -> None:
    named(retold, 7)


HONEST = {
    "none": named,
    "erased": story(seven, settle),
    "exempt": story(seven, lambda one: settle(one, how="exempt", ground="17_3_e")),
    "beyond use": story(seven, lambda one: settle(one, how="beyond_use", until=day(one, 300))),
    "beyond use, then erased": story(seven, lambda one: settle(one, how="beyond_use", until=day(one, 300)), settle),
    "renewed after the close": story(
        seven,
        lambda one: settle(one, how="beyond_use", until=day(one, 3)),
        lambda one: settle(one, how="beyond_use", until=day(one, 300), before=""),
    ),
    "one that came later": story(seven, settle, lambda one: settle(one, 8, before="")),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_can_happen_verifies(real: Real, tmp_path: Path, name: str) -> None:
    bundle = real.retold(tmp_path).write({"entries": HONEST[name]})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert result.passed, result.summary


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (seven, "of 1 copies, 1 are not settled, copy 7 among them"),
        (story(lambda one: named(one, 7, 8), settle), "of 2 copies, 1 are not settled, copy 8 among them"),
        (story(seven, lambda one: settle(one, before="")), "of 1 copies, 1 are not settled"),
        (story(seven, settle, settle), "it was settled for good before: erased"),
        (
            story(seven, settle, lambda one: settle(one, how="beyond_use", until=day(one, 9), before="")),
            "it was settled for good before",
        ),
        (lambda one: settle(one, before="proposal.submitted"), "no release before named"),
        (story(seven, lambda one: settle(one, how="exempt")), "exempt on the ground ''"),
        (story(seven, lambda one: settle(one, ground="17_3_e")), "erased on the ground '17_3_e'"),
        (story(seven, lambda one: settle(one, how="exempt", ground="no_right")), "exempt on the ground 'no_right'"),
        (story(seven, lambda one: settle(one, how="exempt", ground="12_5")), "nothing says what its ground"),
        (story(seven, lambda one: settle(one, how="beyond_use")), "beyond_use until ''"),
        (story(seven, lambda one: settle(one, until=day(one, 9))), "erased until"),
        (story(seven, lambda one: settle(one, how="beyond_use", until=day(one, 400))), "past or too far away"),
        (story(seven, lambda one: settle(one, how="beyond_use", until=day(one, -3))), "past or too far away"),
        (
            story(seven, *[lambda one: settle(one, how="beyond_use", until=day(one, 9))] * 2),
            "it was beyond use until",
        ),
        (story(seven, lambda one: settle(one, how="gone")), "nothing says what its how"),
        (story(seven, lambda one: settle(one, actor="system")), "can only be made by account"),
        (lambda one: named(one, 7, 7), "nothing says what its copies"),
        (lambda one: named(one, 0), "nothing says what its copies"),
    ],
)
def test_what_cannot_happen_fails(real: Real, tmp_path: Path, lie: Lie, reason: str) -> None:
    bundle = real.retold(tmp_path).write({"entries": lie})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", reason)


def test_the_release_of_a_request_that_named_no_copies_yet_still_verifies(real: Real, tmp_path: Path) -> None:
    """As evidence from before there were copies."""

    def earlier(retold: Retold) -> None:
        for entry in retold.of_kind("item.released"):
            del entry["data"]["copies"]

    bundle = real.retold(tmp_path).write({"entries": earlier})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert result.passed, result.summary


def test_whoever_settles_the_last_copy_closes_the_request(real: Real, tmp_path: Path) -> None:
    lie = story(seven, lambda one: settle(one, actor=one.first("proposal.approved")["actor"]))
    bundle = real.retold(tmp_path).write({"entries": lie})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", "did nothing right before to which it belongs")
