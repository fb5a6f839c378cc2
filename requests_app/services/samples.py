"""What officers do about a sample of what a search for a name had not found: order it, look at it, finish it.

A worker draws it (`sample_orders.py`). Its size is chosen before anybody looks, its seed by the system, and while one is
unfinished, there is no other of the same request and snapshot, after another search neither: what is drawn until it pleases
proves nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.formats.samples import GROUPS, all_at_most
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from compliance.record.services import record_append
from requests_app.models import ErasureRequest, Match, MissedSample, SampledExample, Search
from requests_app.states import RequestState
from unlearning_jobs.models import CorpusSnapshot, ErasedExample
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.states import JobState

from .findings import search_of
from .mapping import matches_add
from .permissions import require_mapper
from .requests import request_lock

SAMPLE_TASK = "requests_app.sample_draw"
SIZES: Final = (50, 100, 300)
"""How many may be drawn of each group."""
SEED_BITS: Final = 32
ORDERED_IN: Final = frozenset({RequestState.REVIEW, RequestState.IN_PROGRESS})
"""States of a request in which a search has ended and nothing waits for another officer."""


def sampling_obstacle(request: ErasureRequest) -> str:
    """Return why no sample can be ordered for a request as it is; empty if one can."""
    search = search_of(request)
    if request.state not in ORDERED_IN or search is None:
        return _("A sample is drawn when a search has ended: while the request is under review or in progress.")
    if not name_queries(request, search):
        return _("What was missed can be estimated for a search for names only, and this one looked for none.")
    snapshots = sampled_snapshots(search)
    if not snapshots.exists():
        return _("No texts were searched in full, so there is nothing to draw a sample from.")
    if not any(_has_more(request, snapshot) for snapshot in snapshots):
        return _nothing_left_sentence()
    begun = unfinished_samples(request)
    if not snapshots.exclude(pk__in=begun.values("snapshot")).exists():
        return _unfinished_sentence(begun[0])
    return ""


def name_queries(request: ErasureRequest, search: Search) -> list[Mapping[str, Any]]:
    """Return the names that a search looked for, as its entry in the record has them: kind and keyed digest."""
    entries = entries_of(subject=request.subject, kinds=(RecordKind.MAPPING_COMPLETED,))
    of_search = (one for one in entries if one.data.get("search") == search.number)
    return [query for one in of_search for query in one.data["queries"] if query["kind"] == "name"]


def unfinished_samples(request: ErasureRequest) -> QuerySet[MissedSample]:
    """Return the samples of a request that are due, being drawn, or not looked at to the end, of whatever search."""
    return request.samples.filter(looked_at=None).exclude(state__in=[JobState.FAILED, JobState.CANCELLED])


def known_in(request: ErasureRequest, snapshot_pk: int) -> set[str]:
    """Return what is not drawn: the matches of the request, and what the erasure ledger names of the snapshot."""
    matches = request.matches.filter(snapshot=snapshot_pk).values_list("example_id", flat=True)
    erased = ErasedExample.objects.filter(snapshot=snapshot_pk).values_list("example_id", flat=True)
    return {*matches, *erased}


def _has_more(request: ErasureRequest, snapshot: CorpusSnapshot) -> bool:
    return len(known_in(request, snapshot.pk)) < sum(snapshot.counts.values())


def _nothing_left_sentence() -> str:
    return _("Nothing is left to draw: every example that was searched is among the matches, or was erased before.")


def examples_to_add(sample: MissedSample) -> int:
    """Count the examples that were said to be about the person and are no matches yet: to add them takes a review."""
    about = sample.examples.filter(mark=SampledExample.Mark.ABOUT)
    known = sample.request.matches.filter(snapshot=sample.snapshot_id)
    return about.exclude(example_id__in=known.values("example_id")).count()


def sampled_snapshots(search: Search) -> QuerySet[CorpusSnapshot]:
    """Return the snapshots that a sample of a search can be drawn from: those whose texts it searched."""
    digests = [one["snapshot_sha256"] for one in search.targets if one["outcome"] == Search.Target.SEARCHED]
    return CorpusSnapshot.objects.filter(digest__in=digests).select_related("corpus").order_by("-id")


@transaction.atomic
def sample_order(*, request: ErasureRequest, snapshot: CorpusSnapshot, size: int, by: Account) -> MissedSample:
    """Order a sample of what the last search had not found in a snapshot, and ring a worker on commit.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: there is nothing to draw from, the size is none of SIZES, or an earlier sample of the request in
            this snapshot is not finished.
    """
    # 1. There must be a search for a name in this snapshot.
    request = request_lock(request.pk)
    require_mapper(request, by)
    if obstacle := sampling_obstacle(request):
        raise StaleStateError(obstacle)
    search = search_of(request)
    if search is None or not sampled_snapshots(search).filter(pk=snapshot.pk).exists() or size not in SIZES:
        raise StaleStateError(_("Choose a snapshot that was searched, and one of the sizes."))
    if not _has_more(request, snapshot):
        raise StaleStateError(_nothing_left_sentence())
    # 2. What was ordered before is finished first: nobody draws until it pleases.
    if unfinished := unfinished_samples(request).filter(snapshot=snapshot).first():
        raise StaleStateError(_unfinished_sentence(unfinished))
    # 3. Write it, record it, and ring.
    sample = MissedSample.objects.create(
        request=request,
        number=request.samples.count() + 1,
        search=search,
        snapshot=snapshot,
        size=size,
        seed=secrets.randbits(SEED_BITS),
        ordered_by=by,
    )
    data = {
        "sample": sample.number,
        "search": search.number,
        "snapshot": snapshot.digest[:16],
        "queries": name_queries(request, search),
        "size": size,
        "seed": sample.seed,
    }
    record_append(subject=request.subject, kind=RecordKind.SAMPLE_ORDERED, actor=by.opaque, data=data)
    enqueue_on_commit(SAMPLE_TASK, sample.pk, queue="matching")
    return sample


def _unfinished_sentence(sample: MissedSample) -> str:
    return _("Sample %(number)d is not finished. Look at all of it first.") % {"number": sample.number}


@transaction.atomic
def sample_mark(*, sample: MissedSample, example_pk: int, about: bool, by: Account) -> SampledExample:
    """Say whether a drawn example is about the person; it can be said otherwise until the sample is finished.

    Marks are work in progress and have no entry in the record: the end of the sample has.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is closed, the sample is not drawn or is finished, or the example is not in it.
    """
    sample = _open(sample, by)
    example = sample.examples.filter(pk=example_pk).first()
    if example is None:
        raise StaleStateError(_("Choose an example of this sample."))
    mark = SampledExample.Mark.ABOUT if about else SampledExample.Mark.OTHER
    if example.mark != mark:
        example.mark, example.marked_by, example.marked_at = mark, by, timezone.now()
        example.save()
    return example


@transaction.atomic
def sample_finish(*, sample: MissedSample, by: Account) -> MissedSample:
    """End a sample of which every example was looked at. What is about the person becomes an accepted match.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: as of `sample_mark`; or an example was not looked at, the matches say something else about one, or
            there is something to add and the request is not under review (`mapping.matches_add`).
    """
    # 1. Every example must have been looked at.
    sample = _open(sample, by)
    request = sample.request
    marks = {one.example_id: one.mark for one in sample.examples.all()}
    missed = sorted(one for one, mark in marks.items() if mark == SampledExample.Mark.ABOUT)
    if count := sum(mark == SampledExample.Mark.OPEN for mark in marks.values()):
        message = ngettext("%(n)d example has not been looked at.", "%(n)d examples have not been looked at.", count)
        raise StaleStateError(message % {"n": count})
    # 2. Add what is about the person. What has become a match since, a search found or somebody added.
    added = _add(sample, missed, by)
    _require_no_contradiction(sample, set(marks) - set(missed))
    # 3. What follows for all that the search had not found; write and record it.
    groups: dict[str, dict[str, int]] = {group: {"drawn": 0, "missed": 0} for group in GROUPS}
    for one in sample.examples.all():
        groups[one.group]["drawn"] += 1
        groups[one.group]["missed"] += one.mark == SampledExample.Mark.ABOUT
    sample.at_most = all_at_most((sample.populations[group], of["drawn"], of["missed"]) for group, of in groups.items())
    sample.looked_by, sample.looked_at = by, timezone.now()
    sample.save()
    data = {"sample": sample.number, "missed": missed, "at_most": sample.at_most, "added": added}
    record_append(subject=request.subject, kind=RecordKind.SAMPLE_FINISHED, actor=by.opaque, data=data)
    return sample


def _open(sample: MissedSample, by: Account) -> MissedSample:
    """Lock and return a sample that was drawn and is not finished, behind its request."""
    request = request_lock(sample.request_id)
    require_mapper(request, by)
    sample = MissedSample.objects.select_for_update(no_key=True).get(pk=sample.pk)
    sample.request = request
    if request.state == RequestState.CLOSED:
        raise StaleStateError(_("The request is closed. Its samples stay as they are."))
    if not sample.is_drawn:
        raise StaleStateError(_("This sample has not been drawn."))
    if sample.is_finished:
        raise StaleStateError(_("This sample is finished. It stays as it is."))
    return sample


def _add(sample: MissedSample, missed: list[str], by: Account) -> int:
    """Add what the search had missed and is no match yet, with its copies; return how many matches were added."""
    request = sample.request
    known = dict(request.matches.filter(snapshot=sample.snapshot_id).values_list("example_id", "decision"))
    for one in missed:
        if known.get(one, Match.Decision.ACCEPTED) != Match.Decision.ACCEPTED:
            message = _("The example %(id)s is among the matches by now, and is not accepted. Decide about it there first.")
            raise StaleStateError(message % {"id": one})
    new = [one for one in missed if one not in known]
    if new and request.state != RequestState.REVIEW:
        raise StaleStateError(
            _(
                "Some of these examples are about the person, and matches are added only while the request is under review."
                " Search again first; what you said about the sample stays."
            )
        )
    reason = _("An officer found it in sample %(number)d of what the search had not found.") % {"number": sample.number}
    return len(matches_add(request=request, snapshot=sample.snapshot, example_ids=new, reason=reason, by=by)) if new else 0


def _require_no_contradiction(sample: MissedSample, others: set[str]) -> None:
    """Raise StaleStateError if an accepted match, or a copy of one, was said not to be about the person."""
    accepted = sample.request.matches.filter(snapshot=sample.snapshot_id, decision=Match.Decision.ACCEPTED)
    if ids := accepted.filter(example_id__in=others).order_by("example_id").values_list("example_id", flat=True)[:1]:
        message = _(
            "The example %(id)s is accepted as a match, or has the same content as one that is about the person. Say so here"
            " as well, or reject it there."
        )
        raise StaleStateError(message % {"id": ids[0]})
