"""Decides who may open a page and what the navigation offers. Services check again, whichever way a call comes in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError

from .errors import NotAllowedError
from .models import Account
from .roles import ROLES, Act, Role

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def act_required(act: Act) -> Callable[[View[P]], View[P]]:
    """Admit only accounts whose role may do `act`. The login middleware has already turned away whoever is not signed in.

    If a service refuses what the view asks for, respond with a page that shows the service's own sentence: with status 403
    if this account may not, 409 if nobody can as things are and the view has no better place to say so.
    The view carries `act` so that a test can compare every page with the table of roles.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not account_of(request).may(act):
                raise PermissionDenied
            try:
                return view(request, *args, **kwargs)
            except NotAllowedError as error:
                context = {"sentence": str(error), "back": request.path}
                return render(request, "errors/not_allowed.html", context, status=403)
            except StaleStateError as error:
                back = reverse("home") if request.method == "GET" else request.path  # the page itself says no more than this
                return render(request, "errors/not_possible.html", {"sentence": str(error), "back": back}, status=409)

        inner.act = act  # type: ignore[attr-defined]  # functions carry attributes; mypy has no type for them
        return inner

    return decorate


def account_of(request: HttpRequest) -> Account:
    """Return the account that is signed in."""
    if not isinstance(request.user, Account):
        raise PermissionDenied(_("Sign in first."))
    return request.user


def navigation(request: HttpRequest) -> dict[str, list[dict[str, object]]]:
    """Give templates the links of the role's main navigation. The current one is the longest that this path starts with."""
    account = getattr(request, "user", None)  # error pages may be rendered before the middleware has run
    if not isinstance(account, Account):
        return {"navigation": []}
    links: list[dict[str, object]] = [
        {"url": reverse(name), "label": label} for name, label in ROLES[Role(account.role)].navigation
    ]
    prefixes = [str(link["url"]) for link in links if request.path.startswith(str(link["url"]))]
    nearest = max(prefixes, key=len, default="")
    for link in links:
        # The values of aria-current: "page" for this page itself, "true" for the section that it belongs to.
        link["current"] = "" if link["url"] != nearest else "page" if request.path == nearest else "true"
    return {"navigation": links}
