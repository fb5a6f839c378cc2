"""The time for an answer is extended once, before it ends, by one or two months, and a letter says so only then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.verification import verify_bundle
from tests.compliance.evidence.entry_data import stated
from tests.compliance.evidence.sample import SampleRequest
from tests.compliance.evidence.stories import assert_fails, verify_story

COURSE, AGREE = "order in which it can happen", "fact that stands twice"


def extend(sample: SampleRequest, **changes: Any) -> None:
    """By two months; the first answer was due on 21 December 2026."""
    sample.log.append(sample.subject, "request.extended", "account:1", **({"due_on": "2027-02-22", "months": 2} | changes))


def told(sample: SampleRequest) -> None:
    sample.log.append(sample.subject, "message.queued", **stated("message.queued", message=3, template="deadline_extended"))


def test_an_extension_and_its_letter_verify(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        extend(sample)
        told(sample)

    assert verify_story(tmp_path, story).passed


def without_a_letter(sample: SampleRequest) -> None:
    extend(sample)


def twice(sample: SampleRequest) -> None:
    extend(sample)
    extend(sample)


def by_the_system(sample: SampleRequest) -> None:
    sample.log.append(sample.subject, "request.extended", due_on="2027-02-22", months=2)


ATTACKS: dict[str, tuple[Callable[[SampleRequest], None], str, str]] = {
    "twice": (twice, COURSE, "extended once"),
    "three months": (lambda sample: extend(sample, months=3), COURSE, "months"),
    "true months": (lambda sample: extend(sample, months=True), COURSE, "months"),
    "another day": (lambda sample: extend(sample, due_on="2027-06-01"), AGREE, "extended by another time, or too late"),
    "an earlier day": (lambda sample: extend(sample, due_on="2026-12-01"), AGREE, "extended by another time"),
    "no day": (lambda sample: extend(sample, due_on="soon"), AGREE, "extended by another time"),
    "no letter": (without_a_letter, COURSE, "the same act writes message.queued, deadline_extended"),
    "by the system": (by_the_system, COURSE, "can only be made by account"),
    "a letter without it": (told, COURSE, "nobody has extended the time before"),
}


@pytest.mark.parametrize(("story", "title", "reason"), ATTACKS.values(), ids=ATTACKS)
def test_what_cannot_have_happened_fails(
    tmp_path: Path, story: Callable[[SampleRequest], None], title: str, reason: str
) -> None:
    assert_fails(verify_story(tmp_path, story), title, reason)


def test_it_is_too_late_after_the_first_deadline(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.log.now += timedelta(days=40)
        extend(sample)

    assert_fails(verify_story(tmp_path, story), AGREE, "too late")


def test_a_request_about_a_work_is_not_extended(tmp_path: Path) -> None:
    sample = SampleRequest(tmp_path)
    sample.prepare()
    sample.others = sample.others[:1]
    sample.log.append(
        sample.subject, "request.submitted", "claimant", **(stated("request.submitted") | {"kind": "copyright"})
    )
    sample.log.append(sample.subject, "request.confirmed", "claimant")
    extend(sample)
    sample.seal()
    assert_fails(verify_bundle(sample.write()), COURSE, "only of requests for erasure")


@pytest.mark.parametrize(("day", "in_time"), [(22, True), (23, False)])
def test_the_last_evening_of_an_operator_west_of_greenwich_is_the_next_day_in_the_record(
    tmp_path: Path, day: int, *, in_time: bool
) -> None:
    def story(sample: SampleRequest) -> None:
        sample.log.now = datetime(2026, 12, day, 1, 30, tzinfo=UTC)
        extend(sample)
        told(sample)

    assert verify_story(tmp_path, story).passed == in_time
