"""Which copies of models and corpora a request has to settle before it is completed, from stored facts alone.

A release makes them due: every copy of a version that held the examples, or of a snapshot that has them, with whatever
descends from it. One that is registered later is due as well, and one that goes later stays due until an officer says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import ngettext

from requests_app.models import CopySettlement, ErasureRequest, Item, Match, Proposal
from requests_app.states import ItemState, RequestOutcome, RequestState
from unlearning_jobs.contents import ContentsUnknownError, training_places
from unlearning_jobs.copies import Copies
from unlearning_jobs.models import Copy, CorpusSnapshot, Job, ModelVersion, TrainingContent

from .accepted import contents_fill, gone_from

MOST_NAMED = 5
"""How many copies a sentence names."""
MOST_CLOSED = 50
"""How many closed requests a list looks into at once; the rest follow as these are settled."""
COMPLETED: Final = Q(state=RequestState.CLOSED, outcome=RequestOutcome.COMPLETED)
CLOSED_AT: Final = ("request_id", "request__closed_at")


@dataclass(frozen=True)
class DueCopy:
    """A copy that a request has to settle, and the last that an officer said of it."""

    copy: Copy
    settlement: CopySettlement | None

    @property
    def is_settled(self) -> bool:
        return self.settlement is not None and holds_today(self.settlement)


def holds_today(settlement: CopySettlement) -> bool:
    """Return whether what was said of a copy is so today: what is beyond use is so up to its last day."""
    return settlement.until is None or settlement.until >= timezone.localdate()


def copies_due(request: ErasureRequest) -> list[DueCopy]:
    """Return every copy that a request has to settle, or has settled, in the order in which they were registered."""
    released = _released(request)
    copies = Copies() if released else None
    if not copies or not copies.all:
        return []
    due = {pk for proposal in released for pk in proposal.copies}
    for proposal in released:
        at = proposal.released_at
        due |= {copy.pk for copy in _concerned(proposal, copies) if not copy.retired_at or (at and copy.retired_at > at)}
    last = {row.copy_id: row for row in request.copy_settlements.select_related("settled_by").order_by("number")}
    return [DueCopy(copies.all[pk], last.get(pk)) for pk in sorted(due)]


def copies_waiting(request: ErasureRequest) -> list[Copy]:
    """Return the copies that keep a request from being completed: nobody has settled them, or their last day is past."""
    return [due.copy for due in copies_due(request) if not due.is_settled]


def settlements_told(request: ErasureRequest) -> list[CopySettlement]:
    """Return the last that was said of each copy: of a closed request, as it was closed."""
    rows = request.copy_settlements.order_by("copy_id", "-number").distinct("copy_id")
    return list(rows.filter(settled_at__lte=request.closed_at) if request.closed_at else rows)


def copies_to_name(proposal: Proposal) -> list[int]:
    """Return the keys of the copies that a release makes due. The caller holds the ledger: none comes or goes meanwhile."""
    return sorted(copy.pk for copy in _concerned(proposal, Copies()) if copy.retired_at is None)


def copies_obstacle(request: ErasureRequest) -> str:
    """Return why a request cannot be completed because of copies; empty if none waits."""
    waiting = copies_waiting(request)
    if not waiting:
        return ""
    names = ", ".join(map(str, waiting[:MOST_NAMED])) + (", …" if len(waiting) > MOST_NAMED else "")
    sentence = ngettext(
        "%(n)d copy of what held the examples is not settled (%(names)s).",
        "%(n)d copies of what held the examples are not settled (%(names)s).",
        len(waiting),
    )
    return sentence % {"n": len(waiting), "names": names}


def closed_with_copies_waiting() -> list[ErasureRequest]:
    """Return completed requests that copies wait for again: one came later, or was beyond use for long enough."""
    latest = CopySettlement.objects.order_by("request_id", "copy_id", "-number").distinct("request_id", "copy_id")
    past = CopySettlement.objects.filter(pk__in=latest.values("pk"), until__lt=timezone.localdate())
    due = set(past.values_list("request_id", flat=True))
    settled = set(CopySettlement.objects.values_list("request_id", "copy_id"))
    for origin, copies in _kept().items():
        for pk, closed_at in _closed_about(origin):
            if any(copy.registered_at > closed_at and (pk, copy.pk) not in settled for copy in copies):
                due.add(pk)
    found = ErasureRequest.objects.filter(COMPLETED, pk__in=due).only("pk", "reference").order_by("-closed_at")
    return [request for request in found[:MOST_CLOSED] if copies_waiting(request)]


def _kept() -> dict[str | CorpusSnapshot, list[Copy]]:
    """Return the copies that are not retired, by the name of the model or by the snapshot that they come from."""
    kept: defaultdict[str | CorpusSnapshot, list[Copy]] = defaultdict(list)
    for copy in Copies().all.values():
        if copy.retired_at is None:
            kept[copy.root.name if isinstance(copy.root, ModelVersion) else copy.root].append(copy)
    return dict(kept)


def _closed_about(origin: str | CorpusSnapshot) -> Iterable[tuple[int, datetime]]:
    """Return the completed requests that a copy of a model or a snapshot may be about, and when each was closed."""
    if isinstance(origin, str):
        rows = Item.objects.filter(state=ItemState.RELEASED, model_name=origin)
        return rows.filter(request__in=ErasureRequest.objects.filter(COMPLETED)).values_list(*CLOSED_AT)
    same = TrainingContent.objects.filter(snapshot=origin).values("content")
    matches = Match.objects.filter(Q(snapshot=origin) | Q(content__in=same), decision=Match.Decision.ACCEPTED)
    closed = matches.filter(request__in=ErasureRequest.objects.filter(COMPLETED))
    return closed.order_by().values_list(*CLOSED_AT).distinct()


def _released(request: ErasureRequest) -> list[Proposal]:
    rows = Proposal.objects.filter(item__request=request, released_by__isnull=False)
    return list(rows.select_related("item__snapshot").order_by("released_at", "pk"))


def _concerned(proposal: Proposal, copies: Copies) -> Iterable[Copy]:
    """Return the copies that descend from what held the examples of a released item."""
    item = proposal.item
    versions = [version for version in copies.versions() if version.name == item.model_name and _held(version, item)]
    snapshots = [snapshot for snapshot in copies.snapshots() if _has(snapshot, item)]
    return copies.descending(versions=versions, snapshots=snapshots)


def _held(version: ModelVersion, item: Item) -> bool:
    """Return whether a version was trained on an example of an item and has not, as was judged, unlearned it."""
    # What did not pass may know it all the same, whatever was tried.
    judged = version
    while judged.parent and _tried_in_vain(judged):
        judged = judged.parent
    places = _places(version.snapshot, item)
    return places is None or bool(places - gone_from(judged))


def _tried_in_vain(version: ModelVersion) -> bool:
    made_by = getattr(version, "made_by", None)
    return made_by is not None and made_by.kind == Job.Kind.UNLEARN and made_by.verdict != "passed"


def _has(snapshot: CorpusSnapshot, item: Item) -> bool:
    places = _places(snapshot, item)
    return places is None or bool(places)


def _places(snapshot: CorpusSnapshot, item: Item) -> set[str] | None:
    """Return the training examples of a snapshot that have contents of an item; None if nobody can tell which they are."""
    if snapshot.pk == item.snapshot_id:
        return set(item.example_ids)
    matches = item.request.matches.filter(snapshot=item.snapshot_id, example_id__in=item.example_ids)
    rows = list(matches.select_related("snapshot__corpus"))
    try:
        contents_fill(rows)
        found = training_places(snapshot, {match.content for match in rows})
    except ContentsUnknownError:
        return None
    return {one for ids in found.values() for one in ids}
