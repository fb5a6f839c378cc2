"""Every address of the site. The URLs of other rooms are included by name, so that nothing here imports them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import set_language

from . import views
from .accounts import sign_in
from .ui import components_page

urlpatterns = [
    path("healthz", views.health, name="health"),
    path("home/", views.home, name="home"),
    path("sign-in/", login_not_required(sign_in.SignInView.as_view()), name="login"),
    path("sign-in/link/", sign_in.browser_link_order, name="browser_link_order"),
    path("sign-in/link/<str:token>/", sign_in.browser_link, name="browser_link"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/setlang/", login_not_required(set_language), name="set_language"),
    path("theme/", components_page.theme_set, name="theme_set"),
    path("components/", components_page.components, name="components"),
    path("record/", include("compliance.record.urls")),
    path("jobs/", include("unlearning_jobs.urls")),
    path("cases/", include("requests_app.casework.urls")),
    path("", include("requests_app.public.urls")),
]
