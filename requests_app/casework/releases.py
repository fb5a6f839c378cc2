"""The last step: release the unlearned model, or give the result up because the model has changed in the meantime."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from compliance.record.selectors import alarm_standing, signed_report, signing_refused
from requests_app.models import Proposal
from requests_app.services import decisions
from requests_app.services.accepted import accepted_examples
from requests_app.services.copies_due import copies_to_name
from requests_app.services.letters import Letter
from requests_app.services.permissions import release_refusal, require_releaser
from requests_app.services.results import release_obstacle
from requests_app.states import ItemState
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.models import Copy
from unlearning_jobs.origins import guarantee_for, origin_sentences
from unlearning_jobs.report.data import job_evaluation
from unlearning_jobs.wording import VERDICTS, method_title

from .requests import officers_only
from .shared import identity, proposal_of
from .stated import Parts, as_stated, stated


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, reference: str, number: int, attempt: int) -> HttpResponse:
    """Show the verdict and what releasing does; POST releases the result or gives it up."""
    proposal = proposal_of(reference, number, attempt)
    if request.method != "POST":
        return _show(request, proposal)
    try:
        act, by = request.POST.get("act"), account_of(request)
        if act not in {"release", "reopen"}:
            return _show(request, proposal, _("Choose what to do with this result."))
        if act == "release":
            require_releaser(proposal, by)
        with as_stated(request, proposal.item.request, lambda: _parts(proposal_of(reference, number, attempt), by)):
            if act == "release":
                decisions.item_release(proposal=proposal, by=by)
            else:
                decisions.item_reopen(proposal=proposal, by=by)
    except StaleStateError as error:
        return _show(request, proposal_of(reference, number, attempt), str(error))
    return redirect("casework:request_detail", proposal.item.request.reference)


@dataclass(frozen=True)
class Preview:
    """What a release would do, found out by doing it and taking it back."""

    letter: Letter | None
    """None if the request stays open."""
    obstacle: str
    """Why nothing would be released; empty if it would."""

    @classmethod
    def of(cls, proposal: Proposal, by: Account) -> Preview:
        try:
            return cls(decisions.release_letter(proposal=proposal, by=by), "")
        except (NotAllowedError, StaleStateError) as error:
            return cls(None, str(error))


def _parts(proposal: Proposal, by: Account) -> Parts:
    """Return what the page states about the result: which model replaces which, without which examples, and what follows."""
    result, preview = proposal.job.result_version if proposal.job else None, Preview.of(proposal, by)
    return {
        "models": [proposal.base.digest, proposal.base.state, *([result.digest, result.state] if result else [])],
        "examples": [proposal.job.spec["forget_ids"] if proposal.job else [], accepted_examples(proposal.item)],
        "obstacle": [release_obstacle(proposal), preview.obstacle],
        "copies": copies_to_name(proposal),
        "letter": preview.letter.text if preview.letter else "",
    }


def _show(request: HttpRequest, proposal: Proposal, problem: str = "") -> HttpResponse:
    item, by = proposal.item, account_of(request)
    signed = signed_report(subject=item.request.subject, item=item.key, attempt=proposal.number)
    waiting = item.state == ItemState.AWAITING_RELEASE and proposal.verdict == "passed"
    obstacle, alarm = release_obstacle(proposal) if waiting else "", decisions.alarm_text() if alarm_standing() else ""
    refusal = release_refusal(proposal, by) if waiting else ""
    can_release = waiting and not (obstacle or alarm or refusal)
    context = identity(item.request) | {
        "item": item,
        "proposal": proposal,
        "method": method_title(proposal.method["name"]),
        "guarantee": guarantee_for(
            proposal.method["name"], proposal.base, Protocol.from_json(proposal.protocol), job_evaluation(proposal.job)
        ),
        "verdict": VERDICTS.get(proposal.verdict),
        "signed": signed,
        "refused": not signed and signing_refused(item.request.subject),
        "version": proposal.job.result_version if proposal.job else None,
        "origins": origin_sentences(proposal.base),
        "waiting": waiting,
        "obstacle": obstacle,
        "preview": Preview.of(proposal, by) if can_release else None,
        "copies": Copy.objects.filter(pk__in=copies_to_name(proposal)) if can_release else (),
        "fields": stated(_parts(proposal, by)) if waiting else {},
        "alarm": alarm,
        "refusal": refusal,
        "label": _("Release %(new)s in place of %(old)s")
        % {"new": proposal.job.result_version if proposal.job else "", "old": proposal.base},
        "problem": problem,
    }
    return render(request, "casework/release.html", context, status=409 if problem else 200)
