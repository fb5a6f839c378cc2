"""The pages to sign in: slow down guessing, and remember browsers that are known to an account."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from compliance.clients import networks_of
from compliance.ui.forms import LetheForm

from . import browser_links
from .models import Account
from .throttle import SignInAttempt, link_order_begin, sign_in_begin, sign_in_succeeded

COOKIE = "signed_in_before"
COOKIE_LIFETIME = timedelta(days=365)
ACCOUNTS_AT_MOST = 10
PAGE_METHODS = ["GET", "HEAD", "POST"]


@dataclass(frozen=True)
class KnownBrowser:
    """The content of the cookie: an id, and the accounts that this browser is known to, the latest last.

    It is known to an account that has signed in with it, or whose link it has opened.
    """

    id: str
    accounts: tuple[int, ...]

    @classmethod
    def of(cls, request: HttpRequest) -> KnownBrowser:
        """Read the cookie; a browser without a valid one gets an id of its own."""
        try:
            content = signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE, max_age=COOKIE_LIFETIME)
        except signing.BadSignature:
            return cls(secrets.token_hex(16), ())
        return cls(content["id"], tuple(content["accounts"]))

    def is_known_to(self, username: str) -> bool:
        return Account.objects.filter(username=username, pk__in=self.accounts).exists()

    def remember(self, account: Account, response: HttpResponse) -> None:
        """Add the account to the cookie."""
        accounts = [*(pk for pk in self.accounts if pk != account.pk), account.pk][-ACCOUNTS_AT_MOST:]
        response.set_cookie(
            COOKIE,
            signing.dumps({"id": self.id, "accounts": accounts}, salt=COOKIE),
            max_age=COOKIE_LIFETIME,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


class SignInForm(AuthenticationForm):
    """Name and password. Does not look at the password while the client has to wait."""

    request: HttpRequest
    wait = timedelta()

    def clean(self) -> dict[str, object]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            browser = KnownBrowser.of(self.request)
            known = browser.id if browser.is_known_to(username) else ""
            self.attempt = SignInAttempt(username, networks_of(self.request), known)
            self.wait = sign_in_begin(self.attempt)
            if self.wait:
                raise ValidationError(_wait_words(self.wait))
        return super().clean()


def _wait_words(wait: timedelta) -> str:
    minutes = math.ceil(wait / timedelta(minutes=1))
    return ngettext(
        "There were too many attempts to sign in. Wait %(n)d minute, then try again.",
        "There were too many attempts to sign in. Wait %(n)d minutes, then try again.",
        minutes,
    ) % {"n": minutes}


class SignInView(LoginView):
    """Sign in, or answer 429 to whoever has to wait."""

    authentication_form = SignInForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        assert isinstance(form, SignInForm)  # noqa: S101  # set above; for the type checker
        response = super().form_valid(form)
        sign_in_succeeded(form.attempt)
        account = form.get_user()
        if isinstance(account, Account):
            KnownBrowser.of(self.request).remember(account, response)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if isinstance(form, SignInForm) and form.wait:
            response.status_code = 429
            response["Retry-After"] = str(math.ceil(form.wait.total_seconds()))
        return response


class BrowserLinkForm(LetheForm):
    """Whose account the browser is to be known to."""

    username = forms.CharField(
        label=gettext_lazy("Username"),
        max_length=150,
        error_messages={"required": gettext_lazy("Enter your username")},
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )


@login_not_required
@never_cache
@require_http_methods(PAGE_METHODS)
def browser_link_order(request: HttpRequest) -> HttpResponse:
    """Have a link sent. The page is the same whether or not there is such an account, so it tells strangers nothing."""
    form = BrowserLinkForm(request.POST or None)
    context = {"form": form, "one_in": _minutes(browser_links.ONE_IN), "lifetime": _minutes(browser_links.LIFETIME)}
    if request.method != "POST":
        return render(request, "registration/browser_link_order.html", context)
    if not form.is_valid():
        return render(request, "registration/browser_link_order.html", context, status=422)
    if wait := link_order_begin(networks_of(request)):  # before anybody looks at the name
        return _wait(request, form, context, wait)
    browser_links.browser_link_order(username=form.cleaned_data["username"])
    return render(request, "registration/browser_link_ordered.html", context)


def _wait(request: HttpRequest, form: BrowserLinkForm, context: dict[str, object], wait: timedelta) -> HttpResponse:
    minutes = math.ceil(wait / timedelta(minutes=1))
    words = ngettext(
        "Your network has asked for too many links. Ask again in %(n)d minute, or from another network: the link works here"
        " as well.",
        "Your network has asked for too many links. Ask again in %(n)d minutes, or from another network: the link works here"
        " as well.",
        minutes,
    )
    form.add_error("username", words % {"n": minutes})
    response = render(request, "registration/browser_link_order.html", context, status=429)
    response["Retry-After"] = str(math.ceil(wait.total_seconds()))
    return response


@login_not_required
@never_cache
@require_http_methods(PAGE_METHODS)
def browser_link(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for a click before a link is used up: mail scanners open links."""
    try:
        if request.method != "POST":
            account = browser_links.browser_link_account(token=token)
            return render(request, "registration/browser_link.html", {"username": account.username})
        account = browser_links.browser_link_use(token=token)
    except browser_links.BrowserLinkInvalid:
        return render(request, "registration/browser_link_invalid.html", status=404)
    messages.success(
        request, _("Other people’s failed attempts no longer keep this browser waiting. Sign in with your password.")
    )
    response = redirect("login")
    KnownBrowser.of(request).remember(account, response)
    return response


def _minutes(time: timedelta) -> int:
    return int(time / timedelta(minutes=1))
