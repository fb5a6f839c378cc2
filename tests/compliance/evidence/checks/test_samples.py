"""A sample of what a search had missed goes one way: ordered, drawn by the system, and finished once, by an officer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.evidence.verification import verify_bundle
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.agreements.sampled import Told, told, write
from tests.compliance.evidence.stories import assert_fails

pytestmark = pytest.mark.django_db
Lie = Callable[[Retold], None]


def without(kind: str) -> Lie:
    def change(retold: Retold) -> None:
        write(retold, told(retold))
        retold.entries.remove(retold.first(kind))

    return change


def twice(kind: str) -> Lie:
    def change(retold: Retold) -> None:
        write(retold, told(retold))
        retold.insert(kind, kind, **retold.first(kind)["data"])

    return change


def by(kind: str, actor: str) -> Lie:
    def change(retold: Retold) -> None:
        write(retold, told(retold))
        retold.first(kind).update(actor=actor)

    return change


def saying(change: Callable[[Told], object]) -> Lie:
    def apply(retold: Retold) -> None:
        sample = told(retold)
        change(sample)
        write(retold, sample)

    return apply


def failed_and_finished(retold: Retold) -> None:
    write(retold, told(retold))
    retold.first("sample.drawn").update(kind="sample.failed", data={"sample": 1, "error": "gone", "runs": 3})


def two_at_once(retold: Retold) -> None:
    """Sample 1 was drawn and left; sample 2 was ordered of the same snapshot, drawn and finished."""
    second, first = told(retold), told(retold)
    for one in second.values():
        one["sample"] = 2
    write(retold, second)
    place, order = next((i, one) for i, one in enumerate(retold.entries) if one["kind"] == "sample.ordered")
    for kind, actor in (("drawn", "system"), ("ordered", order["actor"])):
        retold.entries.insert(place, order | {"kind": f"sample.{kind}", "actor": actor, "data": first[kind]})


def searched_between(before: str) -> Lie:
    """Another search was ordered and ended right before this entry of a sample."""

    def change(retold: Retold) -> None:
        write(retold, told(retold))
        place = retold.entries.index(retold.first(before))
        search = retold.first("mapping.completed")
        again = search | {"at": retold.entries[place]["at"], "data": search["data"] | {"search": 2}}
        due = retold.first("sample.ordered") | {"kind": "search.ordered", "data": {}}
        retold.entries[place:place] = [due, again]

    return change


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        (without("sample.ordered"), "it is new, and should be ordered"),
        (without("sample.drawn"), "it is ordered, and should be drawn"),
        (twice("sample.ordered"), "it is ordered, and should be new"),
        (twice("sample.drawn"), "it is drawn, and should be ordered"),
        (twice("sample.finished"), "it is finished, and should be drawn"),
        (failed_and_finished, "it is failed, and should be drawn"),
        (by("sample.ordered", "system"), "can only be made by account"),
        (by("sample.drawn", "account:1"), "can only be made by system"),
        (by("sample.finished", "claimant"), "can only be made by account"),
        (two_at_once, "sample 1 of the same snapshot is not finished"),
        (searched_between("sample.drawn"), "another search has ended since it was ordered"),
        (saying(lambda one: one["ordered"].update(size=0)), "nothing says what its size '0' means"),
        (saying(lambda one: one["ordered"].update(queries=[])), "nothing says what its queries '[]' means"),
        (saying(lambda one: one["drawn"].update(groups=one["drawn"]["groups"][:1])), "nothing says what its groups"),
        (saying(lambda one: one["drawn"]["groups"].reverse()), "nothing says what its groups"),
        (saying(lambda one: one["finished"].update(missed=["b", "a"])), "nothing says what its missed"),
        (saying(lambda one: one["finished"].update(added=3)), "did nothing right before to which it belongs"),
        (saying(lambda one: one["finished"].update(looked_at=4)), "it states added, at_most, looked_at, missed, sample"),
    ],
)
def test_a_sample_that_cannot_happen_fails(real: Real, tmp_path: Path, story: Lie, reason: str) -> None:
    bundle = real.retold(tmp_path).write({"entries": story})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", reason)


def test_a_sample_of_a_search_that_was_not_the_last_contradicts_itself(real: Real, tmp_path: Path) -> None:
    bundle = real.retold(tmp_path).write({"entries": searched_between("sample.ordered")})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "Every fact that stands twice agrees", "of another search than the last that had ended")


def test_a_sample_that_nobody_finished_stays_in_a_history_that_verifies(real: Real, tmp_path: Path) -> None:
    bundle = real.retold(tmp_path).write({"entries": without("sample.finished")})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert result.passed, result.summary
