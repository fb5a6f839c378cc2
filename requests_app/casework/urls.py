"""Pages for officers."""

from __future__ import annotations

from django.urls import path

from . import (
    additions,
    bulk,
    copies,
    decisions,
    endings,
    extensions,
    mails,
    matches,
    proposals,
    releases,
    requests,
    review,
    samples,
    stores,
    suppressions,
)

app_name = "casework"
urlpatterns = [
    path("", requests.request_list, name="request_list"),
    path("<str:reference>/", requests.request_detail, name="request_detail"),
    path("<str:reference>/matches/", review.match_list, name="matches"),
    path("<str:reference>/matches/bulk/", bulk.matches_bulk, name="matches_bulk"),
    path("<str:reference>/matches/undo/", review.undo, name="matches_undo"),
    path("<str:reference>/matches/find/", additions.find, name="match_find"),
    path("<str:reference>/work.png", matches.work_picture, name="work_picture"),
    path("<str:reference>/matches/<int:pk>/picture.png", matches.picture, name="match_picture"),
    path("<str:reference>/matches/add/", additions.add, name="match_add"),
    path("<str:reference>/matches/complete/", matches.complete, name="review_complete"),
    path("<str:reference>/matches/correct/", endings.correction, name="correction"),
    path("<str:reference>/samples/new/", samples.order, name="sample_new"),
    path("<str:reference>/samples/<int:number>/", samples.sample_detail, name="sample"),
    path("<str:reference>/samples/<int:number>/progress/", samples.live, name="sample_live"),
    path("<str:reference>/samples/<int:number>/finish/", samples.finish, name="sample_finish"),
    path("<str:reference>/search/progress/", requests.search_live, name="search_progress"),
    path("<str:reference>/search/", matches.search_again, name="search_again"),
    path("<str:reference>/extend/", extensions.extend, name="extend"),
    path("<str:reference>/suppressions/new/", suppressions.suppression_new, name="suppression_new"),
    path("<str:reference>/suppressions/<int:number>/", suppressions.suppression_detail, name="suppression"),
    path("<str:reference>/copies/<int:number>/", copies.copy_settlement, name="copy"),
    path("<str:reference>/stores/new/", stores.order, name="store_erasure_new"),
    path("<str:reference>/stores/<int:number>/", stores.erasure_detail, name="store_erasure"),
    path("<str:reference>/close/", endings.closing, name="closing"),
    path("<str:reference>/endings/<int:number>/", endings.ending_detail, name="ending"),
    path("<str:reference>/messages/<int:pk>/resend/", mails.resend, name="message_resend"),
    path("<str:reference>/items/<int:number>/decide/", decisions.item_decide, name="item_decide"),
    path("<str:reference>/items/<int:number>/lapse/", endings.lapse, name="lapse"),
    path("<str:reference>/items/<int:number>/propose/", proposals.propose, name="proposal_new"),
    path("<str:reference>/items/<int:number>/proposals/<int:attempt>/", proposals.proposal_detail, name="proposal"),
    path("<str:reference>/items/<int:number>/proposals/<int:attempt>/release/", releases.release, name="release"),
]
