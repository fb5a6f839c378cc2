"""What an officer can do next for a request, and how far each item has got."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from requests_app.models import Ending, ErasureRequest, Item, Match, Proposal
from requests_app.services.copies_due import copies_obstacle
from requests_app.services.endings import waits
from requests_app.services.findings import closing_obstacle
from requests_app.services.outcomes import approval_obstacle, is_correction, lapse_outcome
from requests_app.services.stores_due import erasures_obstacle
from requests_app.services.unconfirmed import unreachable
from requests_app.stages import current_stage, request_stages
from requests_app.states import SETTLED, ItemState, RequestOutcome, RequestState
from unlearning_jobs.states import JobState
from unlearning_jobs.wording import VERDICTS, guarantee_of, method_title

from .searches import search_progress, unfinished_links
from .shared import ITEM_TONES, origins_of

WAITING: dict[str, Any] = {
    "confirmed": gettext_lazy("The claimant has not confirmed their e-mail address yet."),
    "searched": gettext_lazy("The training data is being searched."),
}


def todo_list(erasure_request: ErasureRequest, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the entries of `components/task_list.html`: the review, then the next step of each item."""
    own = [_closing(ending) for ending in erasure_request.endings.filter(item=None).select_related("item") if waits(ending)]
    if erasure_request.state == RequestState.IN_PROGRESS and all(item.state in SETTLED for item in items):
        own += [_stays_open(erasure_request)]
    samples = [
        {
            "title": one["title"],
            "url": one["url"],
            "label": pgettext("task", "to do"),
            "tone": "warning",
            "hint": one["text"],
        }
        for one in (unfinished_links(erasure_request) if erasure_request.state != RequestState.CLOSED else ())
    ]
    return [_review(erasure_request), *samples, *own, *(_next_step(item) for item in items)]


def _stays_open(erasure_request: ErasureRequest) -> dict[str, Any]:
    ends = _("Search again: the request is closed once the review has ended.")
    obstacles = (closing_obstacle, approval_obstacle, copies_obstacle, erasures_obstacle)
    hint = next((why for obstacle in obstacles if (why := obstacle(erasure_request))), ends)
    return {"title": _("Close the request"), "label": pgettext("task", "cannot start yet"), "tone": "warning", "hint": hint}


def _closing(ending: Ending) -> dict[str, Any]:
    url = reverse("casework:ending", args=[ending.request.reference, ending.number])
    title = (
        _("Approve or decline: take rejected examples out of items")
        if is_correction(ending)
        else _("Approve or decline: close as “%(outcome)s”") % {"outcome": ending.get_outcome_display()}
    )
    return {"title": title, "url": url, "label": pgettext("task", "to do"), "tone": "warning"}


def _review(erasure_request: ErasureRequest) -> dict[str, Any]:
    title = _("Review the matches")
    url = reverse("casework:matches", args=[erasure_request.reference])
    stage = current_stage(request_stages(erasure_request))
    if ErasureRequest.objects.filter(unreachable(), pk=erasure_request.pk).exists():
        failed = _("No e-mail with a link has reached the claimant. Send it again below, or write to them in another way.")
        return {"title": title, "label": pgettext("task", "cannot start yet"), "tone": "warning", "hint": failed}
    if stage == "searched" and "failure" in search_progress(erasure_request):
        failed = _("The search failed. Search again below.")
        return {"title": title, "label": pgettext("task", "cannot start yet"), "tone": "warning", "hint": failed}
    if hint := WAITING.get(stage):
        return {"title": title, "label": pgettext("task", "cannot start yet"), "hint": hint}
    if erasure_request.state == RequestState.REVIEW:
        every = erasure_request.matches.count()
        open_matches = erasure_request.matches.filter(decision=Match.Decision.OPEN).count()
        hint = _("%(open)d of %(all)d left to review") % {"open": open_matches, "all": every}
        hint = hint if every else _("There is no match. Finish the review, or add matches by hand.")
        return {"title": title, "url": url, "label": pgettext("task", "to do"), "tone": "warning", "hint": hint}
    decided = erasure_request.matches.exclude(decision=Match.Decision.OPEN)
    if not erasure_request.reviewed_by and not decided.exists():  # withdrawn, never confirmed, or without any match
        return {"title": title, "label": pgettext("task", "not needed")}
    done = {"title": title, "label": pgettext("task", "done"), "tone": "success"}
    return done | {"url": url} if erasure_request.matches.exists() else done


def _next_step(item: Item) -> dict[str, Any]:
    action = next_action(item)
    subject = _("Item %(number)d: %(model)s") % {"number": item.number, "model": item.model_name}
    label = {"label": item.get_state_display(), "tone": ITEM_TONES[ItemState(item.state)]}
    if action is None:
        return {"title": subject} | label
    words, url = action
    return {"title": f"{subject} – {words}", "url": url} | label


def next_action(item: Item) -> tuple[str, str] | None:
    """Return the next thing to do for an item and the URL to do it at; None if there is nothing."""
    if item.request.state != RequestState.IN_PROGRESS:
        return None
    if item.state in {ItemState.DECIDING, ItemState.GRANTED} and (outcome := lapse_outcome(item)):
        words = (
            _("propose to end it, or choose another method: it has no measurable influence")
            if outcome == RequestOutcome.NO_INFLUENCE
            else _("propose to end it: nothing is left to unlearn")
        )
        return words, reverse("casework:lapse", args=[item.request.reference, item.number])
    if item.state == ItemState.ENDING:
        waiting = item.endings.filter(approved_by=None, declined_by=None).get()
        return _("approve or decline its end"), reverse("casework:ending", args=[item.request.reference, waiting.number])
    latest = _latest(item)
    item_args = [item.request.reference, item.number]
    actions = {
        ItemState.DECIDING: (_("decide"), reverse("casework:item_decide", args=item_args)),
        ItemState.GRANTED: (_("choose a method"), reverse("casework:proposal_new", args=item_args)),
    }
    if latest:
        args = [*item_args, latest.number]
        actions[ItemState.AWAITING_APPROVAL] = _("approve or decline the method"), reverse("casework:proposal", args=args)
        actions[ItemState.AWAITING_RELEASE] = _("release the model"), reverse("casework:release", args=args)
    if latest and latest.job_id:
        actions[ItemState.RUNNING] = _("follow the job"), reverse("jobs:job", args=[latest.job_id])
    return actions.get(ItemState(item.state))


def _latest(item: Item) -> Proposal | None:
    return max(item.proposals.all(), key=lambda proposal: proposal.number, default=None)


def item_cards(erasure_request: ErasureRequest, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return each item with its state, facts, next step and attempts."""
    return [
        {
            "item": item,
            "tone": ITEM_TONES[ItemState(item.state)],
            "action": next_action(item),
            "rows": list(_facts(item)),
            "attempts": [_attempt(erasure_request, item, proposal) for proposal in reversed(item.proposals.all())],
        }
        for item in items
    ]


def ending_rows(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the ends that were proposed, newest first, with what became of them."""
    related = ("item", "proposed_by", "approved_by", "declined_by")
    return [
        {
            "ending": ending,
            "title": _ending_about(ending),
            "outcome": ending.get_outcome_display(),
            "url": reverse("casework:ending", args=[erasure_request.reference, ending.number]),
        }
        for ending in erasure_request.endings.select_related(*related).order_by("-number")
    ]


def _ending_about(ending: Ending) -> str:
    if ending.item:
        return _("Item %(number)s") % {"number": ending.item.number}
    return _("Rejected examples in items") if is_correction(ending) else _("The whole request")


def _facts(item: Item) -> Iterator[dict[str, Any]]:
    yield {"key": _("Model"), "value": item.model_name}
    if origins := origins_of(item):
        yield {"key": _("Where the model comes from"), "lines": origins}
    yield {"key": _("Corpus"), "value": str(item.snapshot)}
    yield {"key": _("Examples"), "value": str(len(item.example_ids))}
    if item.ground:
        yield {"key": _("Ground"), "value": item.get_ground_display()}
    if item.reasons:
        yield {"key": _("Reasons"), "value": item.reasons, "typed": True}
    if item.decided_by:
        yield {"key": _("Decided by"), "value": item.decided_by.username}


def _attempt(erasure_request: ErasureRequest, item: Item, proposal: Proposal) -> dict[str, Any]:
    place = [erasure_request.reference, item.number, proposal.number]
    guarantee = guarantee_of(proposal.method["name"])
    verdict = VERDICTS.get(proposal.verdict)
    done = bool(proposal.job and proposal.job.state == JobState.COMPLETED)
    return {
        "number": proposal.number,
        "url": reverse("casework:proposal", args=place),
        "method": method_title(proposal.method["name"]),
        "guarantee": guarantee,
        "proposal": proposal,
        "verdict": verdict,
        "job_url": reverse("jobs:job", args=[proposal.job_id]) if proposal.job_id else "",
        "report_url": reverse("jobs:report", args=[proposal.job_id]) if done else "",
    }
