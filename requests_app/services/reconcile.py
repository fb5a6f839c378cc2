"""Repair what lost messages leave undone, close requests that were never confirmed, and delete unsent answers."""

from __future__ import annotations

from contextlib import suppress

from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from compliance.evidence.statements import RELEASE
from compliance.record.errors import StaleStateError
from compliance.record.models import Attestation
from requests_app.models import ErasureRequest, Message, Proposal, SearchOrder
from unlearning_jobs.ringing import RING_AGAIN_AFTER, ring_again
from unlearning_jobs.states import JobState

from .decisions import RELEASE_SIGN_TASK, proposal_evaluated
from .drafts import unsent_expire
from .gateway_policy import gateway_policy_write
from .limits import uses_forget
from .messages import SEND_TASK
from .sample_orders import samples_reconcile
from .search_orders import MAP_TASK, searches_reconcile
from .store_ends import erasures_clear
from .store_runs import store_erasures_reconcile
from .suppressions import suppressions_expire
from .unconfirmed import expired, request_expire


def requests_reconcile() -> None:
    """Queue the searches, samples and erasures in stores of dead workers again, enqueue overdue ones, messages and
    signatures, apply missed verdicts, close what was never confirmed, delete unsent answers that have expired, and bring the
    gateway's policy up to date.
    """
    now = timezone.now()
    overdue = now - RING_AGAIN_AFTER
    # 1. Tasks whose message was lost, and mails whose next attempt is due. A task that comes twice finds nothing to do.
    searches_reconcile()
    samples_reconcile()
    store_erasures_reconcile()
    waiting = SearchOrder.objects.filter(request=OuterRef("pk"), state=JobState.QUEUED)
    ring_again(ErasureRequest.objects.filter(Exists(waiting)), MAP_TASK, queue="matching")
    ring_again(Message.objects.filter(state=Message.State.WAITING, next_attempt_at__lte=now), SEND_TASK, queue="mail")
    ring_again(_releases_unsigned().filter(released_at__lt=overdue), RELEASE_SIGN_TASK, queue="signing")
    # 2. Verdicts whose signal was lost.
    missed = Proposal.objects.filter(verdict="", job__finished_at__lt=overdue)
    for proposal in missed.select_related("job"):
        if proposal.job:
            # The signal may have arrived since the query; then the verdict has been applied.
            with suppress(StaleStateError):
                proposal_evaluated(job=proposal.job)
    # 3. Requests that nobody confirmed.
    for request in expired(now):
        # Its claimant may have confirmed it since the query; then it stays open.
        with suppress(StaleStateError):
            request_expire(request=request)
    # 4. Answers that nobody sent, files of erasures that are over, and counts that no longer count.
    unsent_expire()
    erasures_clear()
    uses_forget()
    # 5. Suppressions whose last day has passed, and the policy of gateways, whoever lost the message about it.
    suppressions_expire()
    gateway_policy_write()


def _releases_unsigned() -> QuerySet[Proposal]:
    signed = Attestation.objects.filter(
        subject=OuterRef("subject"), item=OuterRef("key"), attempt=OuterRef("number"), predicate_type=RELEASE
    )
    return Proposal.objects.annotate(
        subject=Concat(Value("request:"), F("item__request__reference")),
        key=Concat(Value("item-"), Cast(F("item__number"), CharField())),
    ).filter(~Exists(signed))
