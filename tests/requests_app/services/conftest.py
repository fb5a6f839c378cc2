from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from compliance.formats.record_kinds import RecordKind
from requests_app.models import ErasureRequest, Match, Search
from requests_app.services.messages import message_queue
from requests_app.services.requests import request_move
from requests_app.states import RequestState
from tests.mail_server import free_port
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.engine.matching import VERSION
from unlearning_jobs.models import ModelVersion

EXAMPLES = ("e00000003", "e00000004")


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # jobs leave their results there
    return under_review(staff)


def under_review(staff: Staff) -> Stage:
    """A request under review, with two matches in one active model. The search has ended without reading the corpus."""
    stage = Stage.opened(staff, trained(corpus(), "letters"))
    stage.request.confirmed_at = stage.request.received_at
    request_move(
        request=stage.request, to=RequestState.MAPPING, kind=RecordKind.REQUEST_CONFIRMED, actor="claimant", data={}
    )
    message_queue(request=stage.request, template="request_received")
    for example_id in EXAMPLES:
        Match.objects.create(
            request=stage.request,
            snapshot=stage.model.snapshot,
            example_id=example_id,
            spans=[[0, 3]],
            methods=["name"],
            score=1.0,
        )
    searched(stage.request, stage.model)
    return stage


def searched(request: ErasureRequest, *models: ModelVersion, obstacle: str = "") -> Search:
    """Ends the search of a request: what it did, and its entry."""
    search = Search.objects.create(
        request=request,
        number=request.searches.count() + 1,
        matcher=VERSION,
        queries=[{"id": "name", "kind": "name", "obstacle": obstacle}],
        targets=[
            {
                "model": model.name,
                "version": model.number,
                "model_sha256": model.digest,
                "snapshot": str(model.snapshot),
                "snapshot_sha256": model.snapshot.digest,
                "outcome": Search.Target.SEARCHED,
            }
            for model in models
        ],
        candidates=request.matches.count(),
        complete=bool(models) and not obstacle,
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    names = {"name": not obstacle}
    data: dict[str, object] = {"search": search.number, "matcher": VERSION, "unreadable": [], "texts_only": []}
    data |= {
        "searched": sorted({model.snapshot.digest for model in models}),
        "queries": [{"kind": name, "hmac": "7" * 64} for name, found in names.items() if found],
        "not_searchable": [{"kind": name, "obstacle": obstacle} for name, found in names.items() if not found],
        "complete": search.complete,
        "candidates": search.candidates,
    }
    request_move(request=request, to=RequestState.REVIEW, kind=RecordKind.MAPPING_COMPLETED, actor="system", data=data)
    return search


@pytest.fixture
def port(settings: Settings) -> int:
    """Where the mail server would be."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    return int(settings.EMAIL_PORT)
