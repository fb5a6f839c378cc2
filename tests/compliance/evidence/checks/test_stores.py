"""What the record says of erasures in data stores can have happened: who acted, on which list, and when it was over."""

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
BEFORE = "job.started"
LISTING, RESULT = "1" * 64, "2" * 64
ORDERED_BY, APPROVED_BY, SETTLED_BY = "account:901", "account:902", "account:903"


def entry(retold: Retold, kind: str, actor: str, data: dict[str, Any]) -> None:
    """Somebody says it of the first erasure, right before the job starts."""
    like = retold.first(BEFORE)
    said = {"kind": f"store_erasure.{kind}", "actor": actor, "data": {"store_erasure": 1} | data}
    retold.entries.insert(retold.entries.index(like), like | said)


def order(retold: Retold, actor: str = ORDERED_BY, **data: Any) -> None:
    entry(retold, "ordered", actor, {"store": "letters", "store_sha256": "3" * 64, "ground": "17_1_b"} | data)


def make_list(retold: Retold, **data: Any) -> None:
    entry(retold, "listed", "system", {"documents": 2, "of": 10, "listing_sha256": LISTING} | data)


def approve(retold: Retold, actor: str = APPROVED_BY, **data: Any) -> None:
    entry(retold, "approved", actor, {"documents": 2, "listing_sha256": LISTING} | data)


def end(retold: Retold, **data: Any) -> None:
    entry(retold, "ended", "system", {"verdict": "passed", "documents": 2, "places": 9, "result_sha256": RESULT} | data)


def settle(retold: Retold, actor: str = SETTLED_BY, verdict: str = "passed", **data: Any) -> None:
    entry(retold, "settled", actor, {"verdict": verdict} | data)


def fail(retold: Retold) -> None:
    entry(retold, "failed", "system", {"error": "locked", "runs": 1})


def resume(retold: Retold) -> None:
    entry(retold, "resumed", ORDERED_BY, {})


def give_up(retold: Retold, actor: str = SETTLED_BY, *, deleting: bool = False) -> None:
    entry(retold, "given_up", actor, {"deleting": deleting})


def nothing(retold: Retold, **data: Any) -> None:
    end(retold, **({"verdict": "nothing", "documents": 0, "places": 0, "result_sha256": ""} | data))


def story(*acts: Callable[[Retold], None]) -> Lie:
    def tell(retold: Retold) -> None:
        for act in acts:
            act(retold)

    return tell


HONEST: dict[str, tuple[Lie, ...]] = {
    "passed": (order, make_list, approve, end, settle),
    "failed, and accepted": (
        order,
        make_list,
        approve,
        lambda one: end(one, verdict="failed"),
        lambda one: settle(one, verdict="failed"),
    ),
    "failed, tried again": (order, make_list, approve, lambda one: end(one, verdict="failed"), resume, end, settle),
    "could not be searched, then nothing": (order, fail, resume, nothing),
    "given up before": (order, make_list, give_up),
    "given up in the middle": (order, make_list, approve, fail, lambda one: give_up(one, deleting=True)),
    "settled by who ordered it": (order, make_list, approve, end, lambda one: settle(one, ORDERED_BY)),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_can_happen_verifies(real: Real, tmp_path: Path, name: str) -> None:
    def later(retold: Retold) -> None:
        """The release was signed when the record had that many more entries."""
        for release in retold.releases.values():
            release["record_entries"] += len(HONEST[name])

    bundle = real.retold(tmp_path).write({"release": later, "entries": story(*HONEST[name])})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert result.passed, result.summary


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (story(order, make_list, lambda one: approve(one, listing_sha256="9" * 64)), "its listing_sha256 is another"),
        (story(order, make_list, lambda one: approve(one, documents=3)), "its documents is another"),
        (story(order, make_list, lambda one: approve(one, ORDERED_BY)), "ordered it"),
        (story(order, make_list, lambda one: approve(one, "system")), "can only be made by account"),
        (story(order, lambda one: make_list(one, documents=11)), "lists more documents than there are"),
        (story(order, make_list, approve, lambda one: end(one, documents=3)), "its documents is another"),
        (story(order, make_list, approve, lambda one: end(one, places=0)), "nothing was read back"),
        (story(order, make_list, approve, lambda one: end(one, result_sha256="")), "do not fit"),
        (story(order, make_list, approve, end, lambda one: settle(one, APPROVED_BY)), "approved it"),
        (story(order, make_list, approve, end, lambda one: settle(one, verdict="failed")), "its verdict is another"),
        (story(order, make_list, approve, end, settle, settle), "it is over"),
        (story(order, make_list, approve, end, give_up), "it is ended"),
        (story(order, make_list, approve, fail, lambda one: give_up(one, APPROVED_BY, deleting=True)), "approved it"),
        (story(order, make_list, lambda one: give_up(one, deleting=True)), "nothing can have been deleted"),
        (story(order, approve), "it is being searched"),
        (story(order, make_list, end), "it is listed"),
        (story(order, make_list, approve, settle), "it is approved"),
        (story(order, lambda one: nothing(one, result_sha256=RESULT)), "do not fit"),
        (story(order, make_list, approve, nothing), "it is approved"),
        (story(order, make_list, approve, end), "of 1 erasures in data stores, 1 are not over"),
        (story(order), "of 1 erasures in data stores, 1 are not over"),
        (story(lambda one: order(one, ground="17_3_e"), nothing), "is no ground for it"),
        (story(lambda one: order(one, ground="rights"), nothing), "is no ground for it"),
        (story(lambda one: order(one, store="letters of Ada"), nothing), "nothing says what its store"),
        (story(order, nothing, order, nothing), "cannot come then"),
    ],
)
def test_what_cannot_happen_fails(real: Real, tmp_path: Path, lie: Lie, reason: str) -> None:
    bundle = real.retold(tmp_path).write({"entries": lie})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", reason)
