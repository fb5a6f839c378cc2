"""The page of data stores that documents can be erased from. Operators register and retire them on the command line."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act

from .models import DataStore


@act_required(Act.READ_JOBS)
@require_safe
def store_list(request: HttpRequest) -> HttpResponse:
    """List the data stores."""
    context = {
        "rows": [_row(store) for store in DataStore.objects.all()],
        "columns": [_("Store"), _("Kind"), _("Digest of its description"), _("Registered"), _("State")],
    }
    return render(request, "jobs/store_list.html", context)


def _row(store: DataStore) -> list[object]:
    return [
        store.name,
        store.kind,
        {"text": f"{store.digest[:16]}…", "title": store.digest},
        date_format(timezone.localtime(store.registered_at), "SHORT_DATETIME_FORMAT"),
        _("retired %(day)s") % {"day": date_format(timezone.localtime(store.retired_at), "SHORT_DATETIME_FORMAT")}
        if store.retired_at
        else {"tag_label": _("in use"), "tag_tone": "info"},
    ]
