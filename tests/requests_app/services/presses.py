"""The acts on a case: each brings it to where the act is possible, and says with what the button is pressed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from django.db import connections
from django.utils import timezone

from compliance.accounts.errors import NotAllowedError
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from requests_app.models import Ending, ErasureRequest, Match, Message, Proposal
from requests_app.services import (
    decisions,
    endings,
    intake,
    mapping,
    matches,
    samples,
    search_orders,
    store_erasures,
    suppressions,
)
from requests_app.services.copy_settlements import copy_settle
from requests_app.services.extensions import deadline_extend
from requests_app.services.intake import LinkError
from requests_app.services.unconfirmed import UNCONFIRMED_AFTER, request_expire
from tests.copies import copy_of
from tests.endings import NOT_HERS, REASONS, refusal_proposed
from tests.factories import PROTOCOL
from tests.staging import NPO, Stage, erased_elsewhere
from unlearning_jobs.models import Job
from unlearning_jobs.services.reports import report_sign
from unlearning_jobs.signals import job_finished

from . import erasing_stores as stores
from .conftest import EXAMPLES
from .sampling import drawn, marked, searched_again

Press = Callable[[], object]
Given = dict[str, Any]
"""What a service is called with."""
REFUSED = (StaleStateError, NotAllowedError, LinkError)
WHY = "Something else is better."
NEVER_CONFIRMED = UNCONFIRMED_AFTER + timedelta(days=1)


@dataclass(frozen=True)
class Act:
    """A button: the service behind it, the entry that it writes, and how a case gets to where it can be pressed."""

    service: Callable[..., object]
    kind: RecordKind
    ready: Callable[[Stage], Given]
    once: bool = True
    """Whether pressing again is refused."""

    def press(self, stage: Stage) -> Press:
        """Bring the case there, and return the press."""
        return partial(self.service, **self.ready(stage))


def pressed(*presses: Press) -> list[bool]:
    """Press all at once, each with a database connection of its own; return which of them were taken."""
    start = threading.Barrier(len(presses))

    def press(act: Press) -> bool:
        try:
            start.wait(20)
            act()
        except REFUSED:
            return False
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(presses)) as pool:
        return list(pool.map(press, presses))


def decided(stage: Stage, *, accept: bool) -> Stage:
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches.matches_decide(request=stage.request, match_ids=ids, accept=accept, by=stage.staff.omar)
    return stage


def signed(stage: Stage) -> Proposal:
    """The job has ended with a verdict, which was applied; its report is signed."""
    proposal = unsigned(stage)
    assert proposal.job is not None
    report_sign(job_id=proposal.job.pk)
    return Proposal.objects.get(pk=proposal.pk)


def unsigned(stage: Stage) -> Proposal:
    """The job has ended with a verdict, which was applied."""
    proposal = stage.completed()
    assert proposal.job is not None
    if not Proposal.objects.get(pk=proposal.pk).verdict:
        decisions.proposal_evaluated(job=Job.objects.get(pk=proposal.job.pk))
    return Proposal.objects.get(pk=proposal.pk)


def partly_rejected(stage: Stage) -> Stage:
    """A job runs, and a later review has rejected one of the examples that it is to forget."""
    stage.approved()
    searched_again(stage)
    found = stage.request.matches.filter(decision=Match.Decision.OPEN)
    for one in found:
        matches.matches_decide(request=stage.request, match_ids=[one.pk], accept=True, by=stage.staff.omar)
    wrong = stage.request.matches.get(example_id=EXAMPLES[0])
    matches.matches_decide(request=stage.request, match_ids=[wrong.pk], accept=False, by=stage.staff.omar)
    return stage


def by_omar(stage: Stage, **given: Any) -> Given:
    """What an officer does with the request."""
    return {"request": stage.request, "by": stage.staff.omar, **given}


def suppress(stage: Stage) -> Given:
    kept_back = suppressions.KeptBack(phrases=("the lamp of Tilsk",))
    until = timezone.localdate() + timedelta(days=5)
    return by_omar(stage, model_name=stage.model.name, guard="output_filter", kept_back=kept_back, until=until)


def suppressed(stage: Stage) -> Given:
    return {"suppression": suppressions.suppression_start(**suppress(stage)), "by": stage.staff.omar}


def renewed(stage: Stage) -> Given:
    return suppressed(stage) | {"until": timezone.localdate() + timedelta(days=50)}


def accept(stage: Stage) -> Given:
    return by_omar(stage, match_ids=list(stage.request.matches.values_list("pk", flat=True)), accept=True)


def add(stage: Stage) -> Given:
    return by_omar(stage, snapshot=stage.model.snapshot, example_ids=["e00000007"], reason=WHY)


def sample(stage: Stage) -> Given:
    return by_omar(stage, snapshot=stage.model.snapshot, size=samples.SIZES[0])


def looked_at(stage: Stage) -> Given:
    found = marked(drawn(stage), stage.staff.omar, about=["e00000007"])
    return {"sample": found, "by": stage.staff.omar}


def grant(stage: Stage) -> Given:
    return {"item": stage.reviewed(), "ground": "17_1_b", "reasons": "", "by": stage.staff.omar}


def refuse(stage: Stage) -> Given:
    return {"item": stage.reviewed(), "ground": "17_3_e", "reasons": REASONS, "by": stage.staff.omar}


def erased(stage: Stage) -> Given:
    stage.granted()
    erased_elsewhere(stage.model, *EXAMPLES)
    return {"item": stage.item, "by": stage.staff.omar}


def nothing_found(stage: Stage) -> Given:
    return by_omar(decided(stage, accept=False), outcome="no_match", reasons="")


def not_hers(stage: Stage) -> Given:
    return by_omar(partly_rejected(stage), reasons=NOT_HERS)


def approval(propose: Callable[..., Ending], ready: Callable[[Stage], Given]) -> Callable[[Stage], Given]:
    """A second officer is to approve what the first has proposed."""
    return lambda stage: {"ending": propose(**ready(stage)), "by": stage.staff.lena}


def decline_end(stage: Stage) -> Given:
    return {"ending": refusal_proposed(stage), "reason": WHY, "by": stage.staff.lena}


def submit(stage: Stage) -> Given:
    return {"item": stage.granted(), "method": NPO, "protocol": PROTOCOL, "by": stage.staff.omar}


def decline(stage: Stage) -> Given:
    return {"proposal": stage.proposed(), "reason": WHY, "by": stage.staff.lena}


def evaluated(stage: Stage) -> Given:
    """The job has ended, and the signal that says so was lost."""
    with patch.object(job_finished, "send"):
        job = stage.completed().job
    assert job is not None
    return {"job": Job.objects.get(pk=job.pk)}


def settle(stage: Stage) -> Given:
    """The model is released, and a copy of the version before it keeps the request open."""
    copy = copy_of(stage.model)
    decisions.item_release(proposal=signed(stage), by=stage.staff.nils)
    return by_omar(stage, copy=copy, how="erased")


def confirm(stage: Stage) -> Given:
    return {"token": Stage.opened(stage.staff, stage.model, key="k2").token("confirm", "confirm-other")}


def withdraw(stage: Stage) -> Given:
    stage.approved()
    return {"token": stage.token("status", "status-1")}


def forgotten(stage: Stage) -> Given:
    request = Stage.opened(stage.staff, stage.model, key="k2").request
    sent = timezone.now() - NEVER_CONFIRMED
    Message.objects.filter(request=request).update(state=Message.State.SENT, sent_at=sent)
    return {"request": ErasureRequest.objects.get(pk=request.pk)}


ACTS: dict[str, Act] = {
    "confirm": Act(intake.email_confirm, RecordKind.REQUEST_CONFIRMED, confirm),
    "expire": Act(request_expire, RecordKind.REQUEST_CLOSED, forgotten),
    "withdraw": Act(intake.request_withdraw, RecordKind.REQUEST_CLOSED, withdraw),
    "extend": Act(deadline_extend, RecordKind.REQUEST_EXTENDED, lambda stage: by_omar(stage, months=1, reasons=REASONS)),
    "suppress": Act(suppressions.suppression_start, RecordKind.SUPPRESSION_STARTED, suppress),
    "renew": Act(suppressions.suppression_renew, RecordKind.SUPPRESSION_RENEWED, renewed),
    "speak again": Act(suppressions.suppression_end, RecordKind.SUPPRESSION_ENDED, suppressed),
    "search": Act(search_orders.request_search_again, RecordKind.SEARCH_ORDERED, by_omar),
    "sample": Act(samples.sample_order, RecordKind.SAMPLE_ORDERED, sample),
    "finish": Act(samples.sample_finish, RecordKind.SAMPLE_FINISHED, looked_at),
    "accept": Act(matches.matches_decide, RecordKind.MATCH_ACCEPTED, accept, once=False),
    "undo": Act(matches.decisions_undo, RecordKind.MATCH_REOPENED, lambda stage: by_omar(decided(stage, accept=True))),
    "add": Act(mapping.matches_add, RecordKind.MATCH_ADDED, add),
    "complete": Act(
        mapping.review_complete, RecordKind.REVIEW_COMPLETED, lambda stage: by_omar(decided(stage, accept=True))
    ),
    "grant": Act(decisions.item_grant, RecordKind.ITEM_DECIDED, grant),
    "refuse": Act(endings.refusal_propose, RecordKind.ENDING_PROPOSED, refuse),
    "lapse": Act(endings.lapse_propose, RecordKind.ENDING_PROPOSED, erased),
    "close": Act(endings.closing_propose, RecordKind.ENDING_PROPOSED, nothing_found),
    "correct": Act(endings.correction_propose, RecordKind.ENDING_PROPOSED, not_hers),
    "end by refusal": Act(endings.ending_approve, RecordKind.ENDING_APPROVED, approval(endings.refusal_propose, refuse)),
    "end by lapse": Act(endings.ending_approve, RecordKind.ENDING_APPROVED, approval(endings.lapse_propose, erased)),
    "end by closing": Act(
        endings.ending_approve, RecordKind.ENDING_APPROVED, approval(endings.closing_propose, nothing_found)
    ),
    "end by correction": Act(
        endings.ending_approve, RecordKind.ENDING_APPROVED, approval(endings.correction_propose, not_hers)
    ),
    "decline an end": Act(endings.ending_decline, RecordKind.ENDING_DECLINED, decline_end),
    "submit": Act(decisions.proposal_submit, RecordKind.PROPOSAL_SUBMITTED, submit),
    "approve": Act(
        decisions.proposal_approve,
        RecordKind.PROPOSAL_APPROVED,
        lambda stage: {"proposal": stage.proposed(), "by": stage.staff.lena},
    ),
    "decline": Act(decisions.proposal_decline, RecordKind.PROPOSAL_DECLINED, decline),
    "evaluate": Act(decisions.proposal_evaluated, RecordKind.ITEM_EVALUATED, evaluated),
    "release": Act(
        decisions.item_release, RecordKind.ITEM_RELEASED, lambda stage: {"proposal": signed(stage), "by": stage.staff.nils}
    ),
    "order an erasure": Act(store_erasures.store_erasure_order, RecordKind.STORE_ERASURE_ORDERED, stores.order, once=False),
    "approve a list": Act(store_erasures.store_erasure_approve, RecordKind.STORE_ERASURE_APPROVED, stores.approve_list),
    "resume": Act(store_erasures.store_erasure_resume, RecordKind.STORE_ERASURE_RESUMED, stores.resume),
    "give up": Act(store_erasures.store_erasure_give_up, RecordKind.STORE_ERASURE_GIVEN_UP, stores.give_up),
    "settle a result": Act(store_erasures.store_erasure_settle, RecordKind.STORE_ERASURE_SETTLED, stores.settle_result),
    "settle": Act(copy_settle, RecordKind.COPY_SETTLED, settle),
    "reopen": Act(
        decisions.item_reopen, RecordKind.ITEM_REOPENED, lambda stage: {"proposal": unsigned(stage), "by": stage.staff.omar}
    ),
}
