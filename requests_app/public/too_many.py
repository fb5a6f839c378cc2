"""The page for whoever has used a public form as often as their network may now: it says when to try again."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from requests_app.services.limits import CONFIRMATION, LimitReachedError

from .draft import DRAFT

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def limited(view: View[P]) -> View[P]:
    """Answer 429 with a page if a service that the view calls says that a limit is reached."""

    @wraps(view)
    def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except LimitReachedError as reached:
            return _too_many(request, reached)

    return inner


def _too_many(request: HttpRequest, reached: LimitReachedError) -> HttpResponse:
    seconds = math.ceil((reached.until - timezone.now()).total_seconds())
    context = {
        # rounded up to a minute, so that the time on the page is never too early
        "until": reached.until + timedelta(minutes=1),
        "mails": reached.limit is CONFIRMATION,
        "kept": DRAFT in request.session,
        "again": request.path,
    }
    response = render(request, "public/too_many.html", context, status=429)
    response["Retry-After"] = str(max(seconds, 1))
    return response
