"""Pages for officers."""

from __future__ import annotations

from django.urls import path

from . import decisions, mails, matches, proposals, releases, requests

app_name = "casework"
urlpatterns = [
    path("", requests.request_list, name="request_list"),
    path("<str:reference>/", requests.request_detail, name="request_detail"),
    path("<str:reference>/matches/", matches.match_list, name="matches"),
    path("<str:reference>/matches/<int:pk>/picture.png", matches.picture, name="match_picture"),
    path("<str:reference>/matches/complete/", matches.complete, name="review_complete"),
    path("<str:reference>/messages/<int:pk>/resend/", mails.resend, name="message_resend"),
    path("<str:reference>/items/<int:number>/decide/", decisions.item_decide, name="item_decide"),
    path("<str:reference>/items/<int:number>/propose/", proposals.propose, name="proposal_new"),
    path("<str:reference>/items/<int:number>/proposals/<int:attempt>/", proposals.proposal_detail, name="proposal"),
    path("<str:reference>/items/<int:number>/proposals/<int:attempt>/release/", releases.release, name="release"),
]
