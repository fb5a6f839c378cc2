"""The states of requests and items, and which event takes them from which state to which. No I/O.

The services check these tables (`services/requests.py`); an event is named as the record names it.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.formats.record_kinds import RecordKind


class RequestState(models.TextChoices):
    AWAITING_CONFIRMATION = "awaiting_confirmation", _("Awaiting e-mail confirmation")
    MAPPING = "mapping", _("Searching training data")
    REVIEW = "review", _("Matches to review")
    CLOSING = "closing", _("Closing awaits approval")
    IN_PROGRESS = "in_progress", _("In progress")
    CLOSED = "closed", _("Closed")


REQUEST_TRANSITIONS: dict[RecordKind, frozenset[tuple[RequestState, RequestState]]] = {
    RecordKind.REQUEST_CONFIRMED: frozenset({(RequestState.AWAITING_CONFIRMATION, RequestState.MAPPING)}),
    RecordKind.MAPPING_COMPLETED: frozenset({(RequestState.MAPPING, RequestState.REVIEW)}),
    RecordKind.REVIEW_COMPLETED: frozenset({(RequestState.REVIEW, RequestState.IN_PROGRESS)}),
    # an officer searches again, also after a search that failed; its items wait until the review is completed again
    RecordKind.SEARCH_ORDERED: frozenset(
        (state, RequestState.MAPPING) for state in (RequestState.MAPPING, RequestState.REVIEW, RequestState.IN_PROGRESS)
    ),
    # to be closed without an item, if a second officer approves
    RecordKind.ENDING_PROPOSED: frozenset({(RequestState.REVIEW, RequestState.CLOSING)}),
    RecordKind.ENDING_DECLINED: frozenset({(RequestState.CLOSING, RequestState.REVIEW)}),
    # examples left their items; the review goes on
    RecordKind.ENDING_APPROVED: frozenset({(RequestState.CLOSING, RequestState.REVIEW)}),
    # withdrawn, never confirmed, ended without an item, or settled
    RecordKind.REQUEST_CLOSED: frozenset(
        (state, RequestState.CLOSED) for state in RequestState if state != RequestState.CLOSED
    ),
}


class RequestOutcome(models.TextChoices):
    COMPLETED = "completed", _("Completed")
    REFUSED = "refused", _("Refused")
    NO_MATCH = "no_match", _("Nothing found")
    ALREADY_ERASED = "already_erased", _("Already erased")
    NOT_LEARNED = "not_learned", _("In no model in use")
    NO_INFLUENCE = "no_influence", _("No measurable influence")
    NOT_SEARCHED = "not_searched", _("Could not be searched in full")
    IN_STORES = "in_stores", _("Documents in data stores only")
    NOT_CONCERNED = "not_concerned", _("Not the claimant’s")
    """Of examples that leave their items; no request ends so."""
    WITHDRAWN = "withdrawn", _("Withdrawn")
    UNCONFIRMED = "unconfirmed", _("Never confirmed")


ENDINGS = frozenset(
    {
        *(RequestOutcome.REFUSED, RequestOutcome.NO_MATCH, RequestOutcome.ALREADY_ERASED),
        *(RequestOutcome.NOT_LEARNED, RequestOutcome.NO_INFLUENCE, RequestOutcome.NOT_SEARCHED),
        RequestOutcome.IN_STORES,
    }
)
"""Outcomes without anything unlearned: an officer proposes them and another one approves (`services/endings.py`)."""


class ItemState(models.TextChoices):
    DECIDING = "deciding", _("To be decided")
    GRANTED = "granted", _("Granted: choose a method")
    AWAITING_APPROVAL = "awaiting_approval", _("Awaiting approval")
    RUNNING = "running", _("Unlearning")
    AWAITING_RELEASE = "awaiting_release", _("Awaiting release")
    RELEASED = "released", _("Released")
    ENDING = "ending", _("End awaits approval")
    REFUSED = "refused", _("Refused")
    LAPSED = "lapsed", _("Lapsed")


SETTLED = frozenset({ItemState.RELEASED, ItemState.REFUSED, ItemState.LAPSED})
"""Nothing more happens to an item in these states. All items of a closed request are in one of them."""

ITEM_TRANSITIONS: dict[RecordKind, frozenset[tuple[ItemState, ItemState]]] = {
    # granted by one officer; refused once a second one has approved
    RecordKind.ITEM_DECIDED: frozenset({(ItemState.DECIDING, ItemState.GRANTED), (ItemState.ENDING, ItemState.REFUSED)}),
    RecordKind.ENDING_PROPOSED: frozenset({(ItemState.DECIDING, ItemState.ENDING), (ItemState.GRANTED, ItemState.ENDING)}),
    # back to where it was
    RecordKind.ENDING_DECLINED: frozenset({(ItemState.ENDING, ItemState.DECIDING), (ItemState.ENDING, ItemState.GRANTED)}),
    # nothing is left to unlearn, nothing measurable was learned, or the request was withdrawn
    RecordKind.ITEM_LAPSED: frozenset((state, ItemState.LAPSED) for state in ItemState if state not in SETTLED),
    RecordKind.PROPOSAL_SUBMITTED: frozenset({(ItemState.GRANTED, ItemState.AWAITING_APPROVAL)}),
    RecordKind.PROPOSAL_APPROVED: frozenset({(ItemState.AWAITING_APPROVAL, ItemState.RUNNING)}),
    # back to the choice of a method
    RecordKind.PROPOSAL_DECLINED: frozenset({(ItemState.AWAITING_APPROVAL, ItemState.GRANTED)}),
    # two officers took examples out that a later review rejected; what was chosen for them is given up
    RecordKind.ITEM_CORRECTED: frozenset(
        {
            *((state, state) for state in (ItemState.DECIDING, ItemState.GRANTED, ItemState.RUNNING, ItemState.ENDING)),
            *((state, ItemState.GRANTED) for state in (ItemState.AWAITING_APPROVAL, ItemState.AWAITING_RELEASE)),
            *((state, ItemState.LAPSED) for state in ItemState if state not in SETTLED),
        }
    ),
    # not passed, failed or cancelled: back to the choice of a method, under a new approval; an item that has lapsed stays so
    RecordKind.ITEM_EVALUATED: frozenset(
        {
            *((ItemState.RUNNING, state) for state in (ItemState.AWAITING_RELEASE, ItemState.GRANTED)),
            (ItemState.LAPSED, ItemState.LAPSED),
        }
    ),
    RecordKind.ITEM_RELEASED: frozenset({(ItemState.AWAITING_RELEASE, ItemState.RELEASED)}),
    # the active version has moved on meanwhile: the method is chosen again
    RecordKind.ITEM_REOPENED: frozenset({(ItemState.AWAITING_RELEASE, ItemState.GRANTED)}),
}


class Ground(models.TextChoices):
    """The legal ground for granting or refusing an item."""

    NO_LONGER_NECESSARY = "17_1_a", _("Art. 17(1)(a): no longer necessary for its purpose")
    CONSENT_WITHDRAWN = "17_1_b", _("Art. 17(1)(b): consent withdrawn")
    OBJECTION = "17_1_c", _("Art. 17(1)(c): objection under Art. 21")
    UNLAWFUL = "17_1_d", _("Art. 17(1)(d): processed unlawfully")
    LEGAL_OBLIGATION = "17_1_e", _("Art. 17(1)(e): erasure required by law")
    CHILD = "17_1_f", _("Art. 17(1)(f): collected from a child for an online service")
    RIGHTS = "rights", _("Copyright: the use was not, or is no longer, permitted")
    EXPRESSION = "17_3_a", _("Art. 17(3)(a): freedom of expression and information")
    PUBLIC_TASK = "17_3_b", _("Art. 17(3)(b): legal obligation or public task")
    PUBLIC_HEALTH = "17_3_c", _("Art. 17(3)(c): public health")
    RESEARCH = "17_3_d", _("Art. 17(3)(d): archiving, research or statistics")
    LEGAL_CLAIMS = "17_3_e", _("Art. 17(3)(e): legal claims")
    EXCESSIVE = "12_5", _("Art. 12(5): manifestly unfounded or excessive")
    NO_RIGHT = "no_right", _("Copyright: no right in the work, or no authority to act")


GRANT_GROUNDS = {
    "erasure": (
        Ground.NO_LONGER_NECESSARY,
        Ground.CONSENT_WITHDRAWN,
        Ground.OBJECTION,
        Ground.UNLAWFUL,
        Ground.LEGAL_OBLIGATION,
        Ground.CHILD,
    ),
    "copyright": (Ground.RIGHTS,),
}
REFUSE_GROUNDS = {
    "erasure": (
        Ground.EXPRESSION,
        Ground.PUBLIC_TASK,
        Ground.PUBLIC_HEALTH,
        Ground.RESEARCH,
        Ground.LEGAL_CLAIMS,
        Ground.EXCESSIVE,
    ),
    "copyright": (Ground.NO_RIGHT, Ground.LEGAL_CLAIMS, Ground.RESEARCH),
}
