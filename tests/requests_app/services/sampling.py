"""Samples of what a search had not found, brought to where a test needs them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from compliance.accounts.models import Account
from compliance.evidence.agreements import AGREEMENTS, Story, check_agreements
from compliance.evidence.checks.course import check_course
from compliance.formats.record_kinds import RecordKind
from compliance.record.selectors import entries_of
from requests_app.models import Match, MissedSample, SampledExample
from requests_app.sample_runner import sample_execute
from requests_app.search_runner import request_map
from requests_app.services.mapping import matches_add
from requests_app.services.samples import sample_finish, sample_mark, sample_order
from requests_app.services.search_orders import request_search_again
from tests.staging import Stage

SIZE = 50


def ordered(stage: Stage, size: int = SIZE) -> MissedSample:
    return sample_order(request=stage.request, snapshot=stage.model.snapshot, size=size, by=stage.staff.omar)


def drawn(stage: Stage, size: int = SIZE) -> MissedSample:
    sample = ordered(stage, size)
    sample_execute(sample_id=sample.pk)
    return MissedSample.objects.get(pk=sample.pk)


def marked(sample: MissedSample, by: Account, about: Collection[str] = ()) -> MissedSample:
    """Somebody has looked at every example; these are about the person."""
    for one in sample.examples.all():
        sample_mark(sample=sample, example_pk=one.pk, about=one.example_id in about, by=by)
    return sample


def finished(stage: Stage, *about: str) -> MissedSample:
    return sample_finish(sample=marked(drawn(stage), stage.staff.omar, about), by=stage.staff.omar)


def added(stage: Stage, *example_ids: str) -> list[Match]:
    """An officer adds these by hand."""
    return matches_add(
        request=stage.request,
        snapshot=stage.model.snapshot,
        example_ids=example_ids,
        reason="She is the keeper of these stones.",
        by=stage.staff.omar,
    )


def searched_again(stage: Stage) -> None:
    request_search_again(request=stage.request, by=stage.staff.omar)
    request_map(request_id=stage.request.pk)
    stage.request.refresh_from_db()


def left(sample: MissedSample) -> int:
    return sample.examples.filter(mark=SampledExample.Mark.OPEN).count()


def told(stage: Stage, kind: RecordKind) -> dict[str, Any]:
    """What the last entry of a kind says."""
    return dict(entries_of(subject=stage.request.subject, kinds=(kind,))[-1].data)


def assert_verifies(stage: Stage) -> None:
    history, others = entries_of(subject=stage.request.subject), entries_of(subject="corpus:harbour")
    check_course(history)
    check_agreements(Story(stage.request.reference, history, others=others), AGREEMENTS)
