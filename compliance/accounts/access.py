"""Which roles may open a page. Services check again, whatever door a call comes through."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from .errors import NotAllowedError
from .models import Account

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def roles_required(*roles: Account.Role) -> Callable[[View[P]], View[P]]:
    """Lets only these roles in. Somebody who is not signed in never gets here: the login middleware comes first.

    When a service refuses what the view asks of it, the answer is a page with the service's own sentence and status 403.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if account_of(request).role not in roles:
                raise PermissionDenied
            try:
                return view(request, *args, **kwargs)
            except NotAllowedError as error:
                context = {"sentence": str(error), "back": request.path}
                return render(request, "errors/not_allowed.html", context, status=403)

        return inner

    return decorate


def account_of(request: HttpRequest) -> Account:
    """The signed-in account."""
    if not isinstance(request.user, Account):
        raise PermissionDenied(_("Sign in first."))
    return request.user
