"""Why each e-mail is sent: under which condition what it says is true.

The same condition is asked when a message is queued, before every attempt to send it, when an officer sends it again and
when it is listed. A message whose condition no longer holds is no longer due, and never goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from requests_app.models import ErasureRequest, Message, Proposal
from requests_app.states import ENDINGS, ItemState, RequestOutcome, RequestState
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

CONFIRM_ADDRESS = "confirm_address"
REQUEST_RECEIVED = "request_received"
DEADLINE_EXTENDED = "deadline_extended"

Condition = Callable[[ErasureRequest], bool]


def outcome_template(outcome: str) -> str:
    """Return the template of the letter that tells an outcome."""
    return f"outcome_{outcome}"


def _awaits_confirmation(request: ErasureRequest) -> bool:
    return request.state == RequestState.AWAITING_CONFIRMATION


def _is_handled(request: ErasureRequest) -> bool:
    return request.confirmed_at is not None and request.state != RequestState.CLOSED


def _is_extended(request: ErasureRequest) -> bool:
    return request.extended_at is not None and request.state != RequestState.CLOSED


def _ended_as(outcome: str) -> Condition:
    return lambda request: request.state == RequestState.CLOSED and request.outcome == outcome


def _carried_out(request: ErasureRequest) -> bool:
    """Return whether the request was carried out, and no model that a release replaced is in use."""
    replaced = _released(request).filter(base__state=ModelState.ACTIVE)
    return _ended_as(RequestOutcome.COMPLETED)(request) and not replaced.exists()


def results_now(request: ErasureRequest) -> dict[str, bool]:
    """Return whether a released result was replaced by a newer version, or taken out of use with nothing in its place."""
    gone = _released(request).exclude(job__result_version__state=ModelState.ACTIVE)
    in_use = ModelVersion.objects.filter(name=OuterRef("item__model_name"), state=ModelState.ACTIVE)
    return {"replaced": gone.filter(Exists(in_use)).exists(), "out_of_use": gone.filter(~Exists(in_use)).exists()}


def is_overdue(request: ErasureRequest) -> bool:
    """Return whether the day by which the claimant was to hear from us has passed."""
    return request.due_on < timezone.localdate()


def can_withdraw(request: ErasureRequest) -> bool:
    """Return whether the claimant can still withdraw: nothing has been released yet."""
    return request.state != RequestState.CLOSED and not request.items.filter(state=ItemState.RELEASED).exists()


def _released(request: ErasureRequest) -> QuerySet[Proposal]:
    return Proposal.objects.filter(item__request=request, released_by__isnull=False)


REASONS: Final[Mapping[str, Condition]] = {
    CONFIRM_ADDRESS: _awaits_confirmation,
    REQUEST_RECEIVED: _is_handled,
    DEADLINE_EXTENDED: _is_extended,
    outcome_template(RequestOutcome.COMPLETED): _carried_out,
    **{outcome_template(outcome): _ended_as(outcome) for outcome in sorted(ENDINGS)},
}
"""The condition of every template in templates/email."""
OUTCOME_TEMPLATES: Final = frozenset(map(outcome_template, ENDINGS)) | {outcome_template(RequestOutcome.COMPLETED)}
"""Letters that tell how a request ended."""


def is_due(request: ErasureRequest, template: str) -> bool:
    """Return whether the request is in the state that the message is about."""
    return REASONS[template](request)


def message_is_due(message: Message) -> bool:
    """Return whether what a message says is so."""
    return is_due(message.request, message.template)


def message_standing(message: Message) -> str:
    """Return the state of a message; one that still waits but has lost its reason is no longer due."""
    if message.state == Message.State.WAITING and not message_is_due(message):
        return Message.State.LAPSED
    return message.state
