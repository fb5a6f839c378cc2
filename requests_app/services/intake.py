"""What claimants do: submit a request, confirm their address, ask for a new link, withdraw."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import CLAIMANT, record_append
from requests_app.deadlines import due_date, received_on
from requests_app.models import AccessLink, ErasureRequest
from requests_app.references import reference_make, reference_normalise
from requests_app.states import RequestOutcome, RequestState
from unlearning_jobs.models import Job
from unlearning_jobs.services.jobs import job_cancel
from unlearning_jobs.services.ledger import ledger_lock

from .corrections import jobs_lock
from .index import email_index_of
from .limits import CONFIRMATION, RESEND, SUBMIT, LimitReachedError, use_count
from .mail_reasons import CONFIRM_ADDRESS, REQUEST_RECEIVED, can_withdraw
from .messages import message_queue, token_digest
from .requests import request_close, request_end_lock, request_lock, request_move
from .search_orders import search_order

RESENDS_AT_MOST = 5
"""New links per request."""


class LinkError(Exception):
    """A link from an e-mail opens nothing; the page says what to do."""


class LinkUnknown(LinkError):
    """No such link was ever sent."""


class LinkExpired(LinkError):
    """The link has expired, or a newer one was sent."""


class LinkUsed(LinkError):
    """The link has already been used, for this request."""

    def __init__(self, request: ErasureRequest) -> None:
        super().__init__()
        self.request = request


@dataclass(frozen=True)
class ClaimantDetails:
    name: str
    email: str
    on_behalf: bool = False
    contact: str = ""


@dataclass(frozen=True)
class TargetDetails:
    name: str = ""
    other_names: tuple[str, ...] = ()
    work_title: str = ""
    work_text: str = ""
    work_picture: str = ""
    evidence_prompt: str = ""
    evidence_output: str = ""
    location: str = ""
    declared_name: str = ""


def request_submit(
    *,
    kind: str,
    language: str,
    claimant: ClaimantDetails,
    target: TargetDetails,
    submission_key: str,
    submitted_by: Account | None = None,
    networks: Sequence[str] = (),
) -> ErasureRequest:
    """Accept a submission, start its clock and send the confirmation link.

    Calling again with the same `submission_key` returns the request that the first call created. Requests that wait for
    their confirmation never count against the address in them: anybody may have written it there.

    Args:
        kind: of request.
        language: of the letters to the claimant.
        claimant: who asks.
        target: what is to be erased.
        submission_key: of the form.
        submitted_by: the member of staff who sends it for somebody.
        networks: that it comes from; none if it came through no public form.

    Raises:
        LimitReachedError: the networks have sent as much, or have caused as many e-mails to this address, as they may now.
    """
    # 1. Has this form been sent before?
    key = hashlib.sha256(submission_key.encode()).hexdigest()
    if existing := ErasureRequest.objects.filter(submission_key=key).first():
        return existing
    # 2. Limit what comes from one network.
    request = _request(claimant, target)
    use_count(limit=SUBMIT, networks=networks)
    use_count(limit=CONFIRMATION, networks=networks, about=request.email_index)
    # 3. Save the request with its record entry and its e-mail, or nothing.
    request.kind, request.language, request.submitted_by, request.submission_key = kind, language, submitted_by, key
    actor = submitted_by.opaque if submitted_by else CLAIMANT
    try:
        with transaction.atomic():
            request.save()
            data = {"kind": kind, "language": language, "due_on": request.due_on.isoformat(), "submitted_by": actor}
            record_append(subject=request.subject, kind=RecordKind.REQUEST_SUBMITTED, actor=actor, data=data)
            message_queue(request=request, template=CONFIRM_ADDRESS)
    except IntegrityError:
        # 4. The same form was sent twice at once: the other submission wins.
        existing = ErasureRequest.objects.filter(submission_key=key).first()
        if existing is None:
            raise
        return existing
    return request


def _request(claimant: ClaimantDetails, target: TargetDetails) -> ErasureRequest:
    """Build the row without saving it; its clock starts now."""
    now = timezone.now()
    return ErasureRequest(
        reference=reference_make(),
        received_at=now,
        due_on=due_date(received_on(now, settings.TIME_ZONE), country=settings.HOLIDAY_COUNTRY),
        name=target.name or claimant.name,
        email=claimant.email,
        email_index=email_index_of(claimant.email),
        on_behalf=claimant.on_behalf,
        contact=claimant.contact,
        other_names="\n".join(target.other_names),
        work_title=target.work_title,
        work_text=target.work_text,
        work_picture=target.work_picture,
        evidence_prompt=target.evidence_prompt,
        evidence_output=target.evidence_output,
        location=target.location,
        declared_name=target.declared_name,
    )


@transaction.atomic
def email_confirm(*, token: str) -> ErasureRequest:
    """Use a confirmation link: the address is the claimant's, and the search begins.

    Raises:
        LinkUnknown, LinkExpired, LinkUsed: the link does not work, or no longer does.
    """
    # 1. Lock the request and its link; use the link up.
    link = _working_link(token, lock=True)
    link.used_at = timezone.now()
    link.save(update_fields=["used_at"])
    # 2. The address belongs to the claimant: move on to the search.
    request = link.request
    request.confirmed_at = link.used_at
    request_move(request=request, to=RequestState.MAPPING, kind=RecordKind.REQUEST_CONFIRMED, actor=CLAIMANT, data={})
    # 3. On commit, send the status link and start the search.
    message_queue(request=request, template=REQUEST_RECEIVED)
    search_order(request=request)
    return request


def confirmation_link_check(*, token: str) -> None:
    """Check that a confirmation link would work, without using it (mail scanners open links).

    Raises:
        LinkUnknown, LinkExpired, LinkUsed: it would not.
    """
    _working_link(token, lock=False)


def _working_link(token: str, *, lock: bool) -> AccessLink:
    """Return the confirmation link with this token; raise LinkUnknown, LinkUsed or LinkExpired if it does not work."""
    link = _link(token, AccessLink.Purpose.CONFIRM, lock=lock)
    if link.used_at:
        raise LinkUsed(link.request)
    # A request that was withdrawn or closed has nothing left to confirm.
    if link.expires_at <= timezone.now() or link.request.state != RequestState.AWAITING_CONFIRMATION:
        raise LinkExpired
    return link


def confirmation_resend(*, reference: str, email: str, networks: Sequence[str] = ()) -> None:
    """Send a new link if the reference and the address belong together, and the limits of e-mails allow it.

    Never reports whether it did: the answer would tell strangers which requests exist.

    Raises:
        LimitReachedError: the networks have used the form as often as they may now.
    """
    use_count(limit=RESEND, networks=networks)
    with transaction.atomic():
        _resend(reference_normalise(reference) or "", email, networks)


def _resend(reference: str, email: str, networks: Sequence[str]) -> None:
    request = (
        ErasureRequest.objects.select_for_update(no_key=True)
        .filter(reference=reference, email_index=email_index_of(email), state=RequestState.AWAITING_CONFIRMATION)
        .first()
    )
    if request is None or request.messages.filter(template=CONFIRM_ADDRESS).count() > RESENDS_AT_MOST:
        return
    with suppress(LimitReachedError):
        use_count(limit=CONFIRMATION, networks=networks, about=request.email_index)
        message_queue(request=request, template=CONFIRM_ADDRESS)


@transaction.atomic
def request_withdraw(*, token: str) -> ErasureRequest:
    """Close a request that its claimant withdraws before a model was released for it. Its jobs are cancelled.

    Raises:
        LinkUnknown, LinkExpired: the status link opens nothing.
        StaleStateError: a model has been released, or the request is closed.
    """
    # 1. `_link` locks the request as well, so that no item of it can move meanwhile.
    link = _link(token, AccessLink.Purpose.STATUS)
    if link.expires_at <= timezone.now():
        raise LinkExpired
    request = link.request
    if not can_withdraw(request):
        raise StaleStateError(_("This request can no longer be withdrawn."))
    # 2. Lock what is in it, and cancel the jobs that have not ended. One that ends first leaves a candidate that nobody can
    #    release any more.
    request_end_lock(request.pk)
    live = Job.objects.filter(pk__in=jobs_lock(request), cancel_requested=False)
    ledger_lock()  # before the record's numbers, as everywhere
    for job_id in live.order_by("pk").values_list("pk", flat=True):
        job_cancel(job_id=job_id, actor=CLAIMANT)
    # 3. Nothing more happens to it and its items.
    return request_close(request=request, outcome=RequestOutcome.WITHDRAWN, actor=CLAIMANT, template=None)


def _link(token: str, purpose: AccessLink.Purpose, *, lock: bool = True) -> AccessLink:
    link = AccessLink.objects.select_related("request").filter(token_sha256=token_digest(token), purpose=purpose).first()
    if link is None:
        raise LinkUnknown
    if lock:
        request = request_lock(link.request_id)
        link = AccessLink.objects.select_for_update(no_key=True).get(pk=link.pk)
        link.request = request
    return link
