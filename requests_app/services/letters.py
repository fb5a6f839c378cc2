"""The texts of e-mails to claimants. Pages preview them with the same function that writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from requests_app.copies_wording import copies_sentences
from requests_app.models import Ending, ErasureRequest, Item, Proposal
from requests_app.search_wording import missing_sentences, searched_sentences
from requests_app.states import Ground, ItemState, RequestOutcome
from requests_app.stores_wording import store_sentences
from requests_app.wording import DECLARED, done_sentences, fact_sentences
from unlearning_jobs.engine.catalogue import method_guarantee
from unlearning_jobs.origins import is_declared

from .copies_due import settlements_told
from .dispositions import corrections_standing, told_facts
from .findings import search_of
from .mail_reasons import OUTCOME_TEMPLATES, can_withdraw, is_overdue, outcome_template, results_now
from .outcomes import is_correction, settled_outcome
from .stores_due import erasures_told


@dataclass(frozen=True)
class MailLinks:
    """The secret links in a mail, as templates name them; `expires_at` is the stored end of `link`."""

    link: str
    status_link: str
    expires_at: datetime | None


NO_LINKS = MailLinks("…", "…", None)
"""Instead of the secret links in a preview."""


@dataclass(frozen=True)
class Letter:
    """An e-mail as the claimant reads it."""

    subject: str
    text: str
    html: str


def letter(
    request: ErasureRequest,
    template: str,
    *,
    links: MailLinks = NO_LINKS,
    supposing: Ending | None = None,
) -> Letter:
    """Write a letter in the claimant's language, from what is stored.

    Args:
        request: whose it is.
        template: in `templates/email`.
        links: the secret links in it.
        supposing: an ending that waits, or is about to be proposed: the letter is as if it were approved.
    """
    with translation.override(request.language):
        context = {
            "reference": request.reference,
            "due_on": request.due_on,
            "organisation": settings.ORGANISATION,
            "reasons": _reasons(request, supposing),
            "extension_reasons": request.extension_reasons,
            "overdue": is_overdue(request),
            "can_withdraw": can_withdraw(request),
            **results_now(request),
            **asdict(links),
        }
        if template in OUTCOME_TEMPLATES:  # no other letter may wait for what these say
            context |= _facts(request, supposing)
        subject, text, html = (
            render_to_string(f"email/{template}.{form}", context) for form in ("subject.txt", "txt", "html")
        )
    return Letter(subject.strip(), text, html)


def closing_letter(ending: Ending) -> Letter | None:
    """Return the letter that goes out once an ending is approved; None if the request stays open, and none goes out."""
    outcome = settled_outcome(ending.request, ending)
    return letter(ending.request, outcome_template(outcome), supposing=ending) if outcome else None


def letter_after(request: ErasureRequest, items: Sequence[Item]) -> Letter | None:
    """Return the letter that goes out when a review ends and opens nothing: every item is settled. None otherwise.

    Args:
        request: whose review it is.
        items: those that its end creates (`findings.items_to_create`).
    """
    outcome = None if items else settled_outcome(request)
    return letter(request, outcome_template(outcome)) if outcome else None


def _reasons(request: ErasureRequest, supposing: Ending | None) -> str:
    """Join the ground and reasons of every refused item, one paragraph each; equal ones appear once."""
    refused: dict[int, Item | Ending] = {item.number: item for item in request.items.filter(state=ItemState.REFUSED)}
    if supposing and supposing.item and supposing.outcome == RequestOutcome.REFUSED:
        refused[supposing.item.number] = supposing
    paragraphs = [f"{Ground(refused[number].ground).label}\n{refused[number].reasons}" for number in sorted(refused)]
    closings = [one for one in _endings(request, supposing) if one.item is None and not is_correction(one)]
    paragraphs += [ending.reasons for ending in closings if ending.reasons]
    return "\n\n".join(dict.fromkeys(paragraphs))


def _facts(request: ErasureRequest, supposing: Ending | None) -> dict[str, Any]:
    search, corrections = search_of(request), corrections_standing(request).values()
    told = told_facts(request, supposing)
    facts = [*copies_sentences(settlements_told(request)), *store_sentences(erasures_told(request)), *fact_sentences(told)]
    facts += dict.fromkeys(one.reasons for one in corrections)
    day = date_format(localtime(request.closed_at or timezone.now()), "DATE_FORMAT")
    return {
        "done": done_sentences(_released(request)),
        "searched": searched_sentences(search),
        "missing": missing_sentences(search),
        "declared": bool(told.get("declared")),
        "facts": [_("This was so on %(day)s, when we closed your request:") % {"day": day}, *facts] if facts else [],
    }


def _released(request: ErasureRequest) -> Counter[str]:
    """Count the models in which a request was carried out, by what the method of its last release guarantees."""
    released = Proposal.objects.filter(item__request=request, released_by__isnull=False).order_by("released_at", "pk")
    last = {proposal.item.model_name: proposal for proposal in released.select_related("item", "base")}
    return Counter(map(_guaranteed, last.values()))


def _guaranteed(proposal: Proposal) -> str:
    guarantee = method_guarantee(proposal.method["name"])
    return DECLARED if guarantee == "exact" and is_declared(proposal.base) else guarantee


def _endings(request: ErasureRequest, supposing: Ending | None) -> list[Ending]:
    approved = list(request.endings.filter(approved_by__isnull=False).select_related("item"))
    return [*approved, supposing] if supposing and not supposing.approved_by_id else approved
