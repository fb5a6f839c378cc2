"""The last step: release the unlearned model, or give the result up because the model has changed in the meantime."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from compliance.record.selectors import alarm_standing, signed_report
from requests_app.models import Proposal
from requests_app.services import decisions
from requests_app.services.findings import accepted_examples
from requests_app.services.permissions import release_refusal, require_releaser
from requests_app.services.results import release_obstacle
from requests_app.states import ItemState
from unlearning_jobs.wording import VERDICTS, guarantee_of, method_title

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
        if request.POST.get("act") == "reopen":
            decisions.item_reopen(proposal=proposal, by=account_of(request))
        elif request.POST.get("act") == "release":
            require_releaser(proposal, account_of(request))
            with as_stated(request, proposal.item.request, lambda: _parts(proposal_of(reference, number, attempt))):
                decisions.item_release(proposal=proposal, by=account_of(request))
        else:
            return _show(request, proposal, _("Choose what to do with this result."))
    except StaleStateError as error:
        return _show(request, proposal_of(reference, number, attempt), str(error))
    return redirect("casework:request_detail", proposal.item.request.reference)


def _parts(proposal: Proposal) -> Parts:
    """Return what the page states about the result: which model replaces which, and without which examples."""
    result = proposal.job.result_version if proposal.job else None
    return {
        "models": [proposal.base.digest, proposal.base.state, *([result.digest, result.state] if result else [])],
        "examples": [proposal.job.spec["forget_ids"] if proposal.job else [], accepted_examples(proposal.item)],
    }


def _show(request: HttpRequest, proposal: Proposal, problem: str = "") -> HttpResponse:
    item = proposal.item
    signed = signed_report(subject=item.request.subject, item=item.key, attempt=proposal.number)
    waiting = item.state == ItemState.AWAITING_RELEASE and proposal.verdict == "passed"
    context = identity(item.request) | {
        "item": item,
        "proposal": proposal,
        "method": method_title(proposal.method["name"]),
        "guarantee": guarantee_of(proposal.method["name"]),
        "verdict": VERDICTS.get(proposal.verdict),
        "signed": signed,
        "version": proposal.job.result_version if proposal.job else None,
        "waiting": waiting,
        "obstacle": release_obstacle(proposal) if waiting else "",
        "fields": stated(_parts(proposal)),
        "alarm": decisions.alarm_text() if alarm_standing() else "",
        "refusal": release_refusal(proposal, account_of(request)) if waiting else "",
        "label": _("Release %(new)s in place of %(old)s")
        % {"new": proposal.job.result_version if proposal.job else "", "old": proposal.base},
        "problem": problem,
    }
    return render(request, "casework/release.html", context, status=409 if problem else 200)
