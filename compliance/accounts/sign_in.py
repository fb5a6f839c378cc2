"""The page to sign in: slows down guessing, and remembers browsers in which somebody has signed in."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext

from compliance.clients import networks_of

from .models import Account
from .throttle import SignInAttempt, sign_in_begin, sign_in_succeeded

COOKIE = "signed_in_before"
COOKIE_LIFETIME = timedelta(days=365)
ACCOUNTS_AT_MOST = 10


@dataclass(frozen=True)
class KnownBrowser:
    """The content of the cookie: an id, and the accounts that this browser has signed in to, the latest last."""

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

    def has_signed_in(self, username: str) -> bool:
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
            known = browser.id if browser.has_signed_in(username) else ""
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
