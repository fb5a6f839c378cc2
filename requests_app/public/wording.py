"""Words for states, stages and outcomes on the claimant's pages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from requests_app.stages import StageCode

STATES: dict[str, Any] = {
    "awaiting_confirmation": _("We are waiting for you to confirm your e-mail address."),
    "mapping": _("We are searching the training data that we have of our models."),
    "search_failed": _(
        "Our search of the training data has failed. The people who handle requests see it and can repeat it."
    ),
    "review": _("We are reviewing what the search found."),
    "closing": _("We have reviewed what the search found, and a second person is checking our conclusion."),
    "in_progress": _("We are deciding on your request and carrying out what we grant."),
    "closed": _("Your request is closed."),
}
STAGE_TITLES: dict[StageCode, Any] = {
    "received": _("We received your request"),
    "confirmed": _("You confirmed your e-mail address"),
    "searched": _("We search the training data that we have of our models"),
    "decided": _("We decide what to remove"),
    "carried_out": _("We carry out what we grant, and check the result"),
    "closed": _("We tell you the outcome"),
}
OUTCOMES: dict[str, Any] = {
    "completed": _("We have carried out your request, in full or in part."),
    "refused": _("We have refused your request."),
    "no_match": _(
        "When we searched the training data that we have of every model in use, we found nothing that belongs to your"
        " request."
    ),
    "already_erased": _("When we closed your request, what we had found needed no further erasure."),
    "not_learned": _(
        "When we closed your request, what we had found was not in the training data of any model in use, as far as we have"
        " these data."
    ),
    "no_influence": _("We could measure no influence of passages that we found on our models."),
    "not_searched": _("We could not search in full, and closed the request."),
    "in_stores": _("We found nothing in our training data, and acted on documents in our data stores. Our letter says how."),
    "withdrawn": _("You have withdrawn your request."),
    "unconfirmed": _("The e-mail address was never confirmed, so we closed the request."),
}
