"""The command that builds indexes, beside workers that build, were killed, or have given up."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from unlearning_jobs.index_runner import index_execute
from unlearning_jobs.models import CorpusIndex
from unlearning_jobs.services.indexes import index_claim
from unlearning_jobs.states import JobState

from .test_indexes import registered, texts_of

pytestmark = pytest.mark.usefixtures("artefacts", "queues")


@pytest.mark.django_db
def test_the_command_goes_on_with_a_build_whose_worker_was_killed_and_says_how_long_until_then(tmp_path: Path) -> None:
    index = texts_of(registered(tmp_path))
    index_claim(index_id=index.pk)
    assert "a worker builds it, or was killed just now; if it gives no sign of life for " in built_by_hand()
    CorpusIndex.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert "index texts: built" in built_by_hand()
    assert texts_of(index.snapshot).state == JobState.COMPLETED


@pytest.mark.django_db
def test_the_command_says_that_a_build_has_failed_too_often(tmp_path: Path) -> None:
    index = texts_of(registered(tmp_path))
    index_claim(index_id=index.pk)
    CorpusIndex.objects.update(lease_until=timezone.now() - timedelta(seconds=1), runs=3)
    assert "index texts: not built (runs_used_up)" in built_by_hand()


@pytest.mark.django_db
def test_the_command_says_of_a_build_that_a_worker_ended_meanwhile_that_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = texts_of(registered(tmp_path))

    def quicker(*, index_id: int) -> bool:
        return index_execute(index_id=index_id).state != JobState.COMPLETED

    monkeypatch.setattr("unlearning_jobs.index_progress.index_run_lapsed", quicker)
    said = built_by_hand()
    assert f"index texts: built {texts_of(index.snapshot).digest}" in said


def built_by_hand() -> str:
    said = StringIO()
    call_command("corpus_index", stdout=said)
    return said.getvalue()
