"""A review of thousands of matches costs no more than one of a few."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from requests_app.models import Match
from tests.personas import Staff
from tests.staging import Stage
from tests.web.pages import Site

from .letters import GROUPS, letters

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:
    return letters(staff, artefacts)


def many(stage: Stage, matches: int, clusters: int) -> None:
    """That many matches, all of the same few documents."""
    stage.request.matches.all().delete()
    ids = [f"e{place:08d}" for place in range(3 * GROUPS)]
    snapshots = [stage.model.snapshot]
    Match.objects.bulk_create(
        Match(
            request=stage.request,
            snapshot=snapshots[0],
            example_id=ids[number] if number < len(ids) else f"x{number}",
            example_set="train",
            spans=[[16, 28]],
            methods=["name"],
            score=1.0,
            cluster=1 + number % clusters,
        )
        for number in range(matches)
    )


def test_two_thousand_matches_in_sixty_clusters_cost_no_more_queries_than_twenty_in_six(stage: Stage, omar: Site) -> None:
    asked = []
    for matches, clusters in ((18, 6), (2_000, 60)):
        many(stage, matches, clusters)
        with CaptureQueriesContext(connection) as queries:
            page = omar.get(f"/cases/{stage.request.reference}/matches/?decision=open")
        asked.append(len(queries))
    assert "Page 1 of 3" in page.words
    assert asked[0] == asked[1]
    assert asked[1] <= 20
