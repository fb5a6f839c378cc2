"""Copies of models and corpora, for tests."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils import timezone

from requests_app.models import CopySettlement
from requests_app.services.copy_settlements import copy_settle
from tests.staging import Stage
from unlearning_jobs.models import Copy, CorpusSnapshot, ModelVersion
from unlearning_jobs.services.copies import copy_register


def copy_of(of: ModelVersion | CorpusSnapshot | Copy, name: str = "phone", kind: str = "quantised") -> Copy:
    """A copy that somebody registered on the command line."""
    return copy_register(name=name, kind=kind, of=of, place="At a licensee, by contract 7.", by=None)


def days(count: int) -> date:
    return timezone.localdate() + timedelta(days=count)


def settled(stage: Stage, copy: Copy, how: str = "erased", *, ground: str = "", until: int | None = None) -> CopySettlement:
    """What Omar says has become of it."""
    last = None if until is None else days(until)
    return copy_settle(request=stage.request, copy=copy, how=how, by=stage.staff.omar, ground=ground, until=last)
