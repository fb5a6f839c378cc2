"""The two pages that belong to no room: the health check, and the start page after signing in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from compliance.accounts.access import account_of
from compliance.accounts.models import Account
from compliance.accounts.roles import ROLES, Role
from compliance.record.selectors import trust_published


@login_not_required
@never_cache
@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database responds, otherwise 503; for load balancers and start scripts."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return HttpResponse("database does not answer\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the role's first page; administrators see the accounts and the published keys here."""
    account = account_of(request)
    start = ROLES[Role(account.role)].start
    if start != "home":
        return redirect(start)
    context = {
        "accounts": Account.objects.order_by("username"),
        "manifest": trust_published(),
    }
    return render(request, "home.html", context)
