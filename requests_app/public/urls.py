"""Pages for people without an account."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.generic import RedirectView, TemplateView

from . import links, views

app_name = "public"
urlpatterns = [
    path("", views.start, name="start"),
    path("request/", login_not_required(RedirectView.as_view(url="/request/kind/"))),
    path("request/check/", views.check, name="check"),
    path("request/sent/", views.sent, name="sent"),
    path("request/discard/", views.discard, name="discard"),
    path("request/<slug:slug>/", views.step, name="step"),
    path("confirm/resend/", links.confirm_resend, name="confirm_resend"),
    path("confirm/<str:token>/", links.confirm, name="confirm"),
    path("status/<str:token>/", links.status, name="status"),
    path("status/<str:token>/withdraw/", links.withdraw, name="withdraw"),
    path("privacy/", login_not_required(TemplateView.as_view(template_name="public/privacy.html")), name="privacy"),
    path(
        "accessibility/",
        login_not_required(TemplateView.as_view(template_name="public/accessibility.html")),
        name="accessibility",
    ),
]
