"""Who may do what with a request. The database holds the same rules (models and migration 0002)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.accounts.roles import Act
from compliance.record.selectors import request_mappers
from requests_app.models import Proposal


def require_officer(account: Account) -> None:
    """Raise NotAllowedError unless `account` is an active officer."""
    if not account.may(Act.HANDLE_REQUESTS):
        raise NotAllowedError(_("Only an officer can do this."))


def approval_refusal(proposal: Proposal, account: Account) -> str:
    """Return why `account` may not approve `proposal`; empty if it may."""
    request = proposal.item.request
    if not account.may(Act.HANDLE_REQUESTS):
        return _("Only an officer can do this.")
    if account.pk == proposal.proposed_by_id:
        return _("You proposed this yourself; another officer must approve it.")
    if account.pk == request.submitted_by_id:
        return _("You submitted this request; another officer must approve it.")
    if account.opaque in request_mappers(subject=request.subject):
        return _("You reviewed the matches of this request; another officer must approve it.")
    return ""


def release_refusal(proposal: Proposal, account: Account) -> str:
    """Return why `account` may not release the result of `proposal`; empty if it may."""
    if not account.may(Act.HANDLE_REQUESTS):
        return _("Only an officer can do this.")
    if account.pk == proposal.approved_by_id:
        return _("You approved this; another officer must release it.")
    return ""
