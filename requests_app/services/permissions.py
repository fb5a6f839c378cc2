"""Who may do what with a request. The database holds the same rules (models, migrations 0002 and 0008)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.accounts.roles import Act, Role
from compliance.record.selectors import request_deciders, request_mappers
from requests_app.models import Ending, ErasureRequest, Proposal


def require_officer(account: Account) -> None:
    """Raise NotAllowedError unless `account` is an active officer."""
    if not account.may(Act.HANDLE_REQUESTS):
        raise NotAllowedError(_("Only an officer can do this."))


def require_mapper(request: ErasureRequest, account: Account) -> None:
    """Raise NotAllowedError unless `account` may search, accept and reject: an officer who has approved nothing here."""
    require_officer(account)
    proposals = Proposal.objects.filter(item__request=request, approved_by=account)
    if proposals.exists() or request.endings.filter(approved_by=account).exists():
        raise NotAllowedError(_("You approved something in this request; another officer must review its matches."))


def approval_refusal(proposed: Proposal | Ending, account: Account) -> str:
    """Return why `account` may not approve what another officer proposed; empty if it may."""
    request = proposed.item.request if isinstance(proposed, Proposal) else proposed.request
    if not account.may(Act.HANDLE_REQUESTS):
        return _("Only an officer can do this.")
    if account.pk == proposed.proposed_by_id:
        return _("You proposed this yourself; another officer must approve it.")
    if account.pk == request.submitted_by_id:
        return _("You submitted this request; another officer must approve it.")
    if account.opaque in request_mappers(subject=request.subject):
        return _("You reviewed the matches of this request; another officer must approve it.")
    if isinstance(proposed, Ending) and account.opaque in request_deciders(subject=request.subject):
        # That nothing was found rests on the rejections, too.
        return _("You reviewed the matches of this request; another officer must approve it.")
    return ""


def approvers_left_sentence(request: ErasureRequest, by: Account) -> str:
    """Return a warning that nobody could approve what `by` is about to propose or decide; empty if somebody could.

    Whoever decides about matches or proposes something cannot approve it.
    """
    barred = {by.opaque, *request_mappers(subject=request.subject), *request_deciders(subject=request.subject)}
    officers = Account.objects.filter(role=Role.OFFICER, is_active=True)
    if any(one.opaque not in barred and one.pk != request.submitted_by_id for one in officers):
        return ""
    return _(
        "If you do this, no officer is left who may approve it: the others decided about matches of this request or"
        " submitted it. Another officer needs an account first."
    )


def require_approver(proposed: Proposal | Ending, account: Account) -> None:
    """Raise NotAllowedError unless `account` may approve what another officer proposed."""
    if refusal := approval_refusal(proposed, account):
        raise NotAllowedError(refusal)


def require_releaser(proposal: Proposal, account: Account) -> None:
    """Raise NotAllowedError unless `account` may release the result of `proposal`."""
    if refusal := release_refusal(proposal, account):
        raise NotAllowedError(refusal)


def release_refusal(proposal: Proposal, account: Account) -> str:
    """Return why `account` may not release the result of `proposal`; empty if it may."""
    if not account.may(Act.HANDLE_REQUESTS):
        return _("Only an officer can do this.")
    if account.pk == proposal.approved_by_id:
        return _("You approved this; another officer must release it.")
    return ""
