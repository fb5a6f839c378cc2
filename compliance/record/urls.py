"""The record: reports, entries, checkpoint, bundles, verification."""

from __future__ import annotations

from django.urls import path

from . import bundle_views, verify_views, views

app_name = "record"
urlpatterns = [
    path("reports/", views.report_list, name="report_list"),
    path("reports/<str:sha256>/", views.attestation, name="attestation"),
    path("reports/<str:sha256>/envelope.dsse.json", views.envelope, name="envelope"),
    path("entries/", views.entry_list, name="entry_list"),
    path("entries/<int:pk>/", views.entry, name="entry"),
    path("entries/<int:pk>/entry.json", views.entry_body, name="entry_body"),
    path("entries/<int:pk>/entry.tlog-proof", views.entry_proof, name="entry_proof"),
    path("checkpoint", views.checkpoint, name="checkpoint"),
    path("consistency/<int:old>/<int:new>", views.consistency, name="consistency"),
    path("trust.json", views.trust, name="trust"),
    path("bundles/<str:reference>/", bundle_views.bundle, name="bundle"),
    path("bundles/<str:reference>/progress/", bundle_views.progress, name="bundle_progress"),
    path("bundles/<str:reference>/bundle.zip", bundle_views.download, name="bundle_download"),
    path("verify/", verify_views.verify, name="verify"),
]
