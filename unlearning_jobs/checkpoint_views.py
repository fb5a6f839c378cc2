"""Pages of checkpoints that somebody else made: what each is, and which models started from it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act

from .checkpoints import checkpoint_problem
from .models import Checkpoint, ModelVersion
from .origins import assurance_words
from .states import ModelState
from .wording import MODEL_TONES

READERS = act_required(Act.READ_JOBS)


@READERS
@require_safe
def checkpoint_list(request: HttpRequest) -> HttpResponse:
    """Show every checkpoint: what it is, and how large."""
    checkpoints = Checkpoint.objects.all()
    context = {
        "columns": [
            *(_("Checkpoint"), _("Architecture"), {"label": _("Parameters"), "numeric": True}),
            *({"label": _("Size"), "numeric": True}, _("Digest"), _("Registered")),
        ],
        "rows": [
            [
                {"text": checkpoint.name, "url": reverse("jobs:checkpoint", args=[checkpoint.pk])},
                checkpoint.kind,
                {"text": _number(checkpoint.about["parameters"]), "numeric": True},
                {"text": filesizeformat(checkpoint.bytes), "numeric": True},
                {"text": f"{checkpoint.digest[:16]}…", "title": checkpoint.digest},
                date_format(timezone.localtime(checkpoint.created_at), "SHORT_DATETIME_FORMAT"),
            ]
            for checkpoint in checkpoints
        ],
    }
    return render(request, "jobs/checkpoint_list.html", context)


@READERS
@require_safe
def checkpoint(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a checkpoint is, whether its files are there, and the models that started from it."""
    row = get_object_or_404(Checkpoint, pk=pk)
    versions = ModelVersion.objects.filter(recipe__checkpoint=row).select_related(
        "snapshot__corpus", "recipe__checkpoint", "parent"
    )
    context = {
        "checkpoint": row,
        "problem": checkpoint_problem(row),
        "facts": _facts(row),
        "columns": [_("Version"), _("State"), _("Corpus"), _("What is known of it")],
        "rows": [
            [
                str(version),
                {"tag_label": version.get_state_display(), "tag_tone": MODEL_TONES[ModelState(version.state)]},
                str(version.snapshot),
                assurance_words(version),
            ]
            for version in versions
        ],
    }
    return render(request, "jobs/checkpoint.html", context)


def _facts(row: Checkpoint) -> list[dict[str, Any]]:
    about = row.about
    return [
        {"key": _("Digest of its files"), "value": row.digest},
        {"key": _("Architecture"), "value": row.kind},
        {"key": _("Parameters"), "value": _number(about["parameters"])},
        {"key": _("Layers"), "value": _number(about["layers"])},
        {"key": _("Width of its layers"), "value": _number(about["hidden_size"])},
        {"key": _("Tokens in its vocabulary"), "value": _number(about["vocabulary_size"])},
        {"key": _("Size of its files"), "value": filesizeformat(row.bytes)},
        {"key": _("Registered"), "value": date_format(timezone.localtime(row.created_at), "DATETIME_FORMAT")},
    ]


def _number(value: int) -> str:
    return number_format(value, force_grouping=True)
