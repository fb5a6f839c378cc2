"""Addresses of jobs, their reports, corpora, checkpoints, canaries, models, their copies, and data stores."""

from __future__ import annotations

from django.urls import path

from . import canary_views, checkpoint_views, copy_views, corpus_views, store_views, views
from .report import answer_views
from .report import views as report_views

app_name = "jobs"
urlpatterns = [
    path("", views.job_list, name="job_list"),
    path("<int:pk>/", views.job, name="job"),
    path("<int:pk>/progress/", views.job_progress, name="job_progress"),
    path("<int:pk>/curves.csv", views.job_curves_csv, name="job_curves_csv"),
    path("<int:pk>/cancel/", views.job_cancel, name="job_cancel"),
    path("<int:pk>/report/", report_views.report, name="report"),
    path("<int:pk>/report/answers/", answer_views.answers, name="answers"),
    path("<int:pk>/report/answers.csv", answer_views.answers_csv, name="answers_csv"),
    path("<int:pk>/report/<slug:name>.csv", report_views.report_csv, name="report_csv"),
    path("reports/<str:reference>/<str:item>/<int:attempt>/", report_views.report_of, name="report_of"),
    path("corpora/", corpus_views.corpus_list, name="corpus_list"),
    path("corpora/<int:pk>/", corpus_views.corpus_snapshot, name="corpus_snapshot"),
    path("corpora/<int:pk>/indexes/", corpus_views.corpus_index, name="corpus_index"),
    path("checkpoints/", checkpoint_views.checkpoint_list, name="checkpoint_list"),
    path("checkpoints/<int:pk>/", checkpoint_views.checkpoint, name="checkpoint"),
    path("copies/", copy_views.copy_list, name="copy_list"),
    path("copies/new/", copy_views.copy_new, name="copy_new"),
    path("models/<slug:name>/lineage.cdx.json", copy_views.lineage, name="lineage"),
    path("copies/<int:pk>/retire/", copy_views.copy_retire, name="copy_retire"),
    path("stores/", store_views.store_list, name="store_list"),
    path("canaries/", canary_views.canary_list, name="canary_list"),
    path("models/", views.model_list, name="model_list"),
    path("models/<int:pk>/destroy/", views.model_destroy, name="model_destroy"),
]
