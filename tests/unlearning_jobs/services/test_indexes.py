"""Indexes are built beside their snapshots: leased, resumed after a death, built upon, and never in the way of a search."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from tests.factories import account, model_version
from tests.queues import Queues
from tests.web.pages import signed_in
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query, find_matches
from unlearning_jobs.index_parts import Kind
from unlearning_jobs.index_runner import index_execute
from unlearning_jobs.index_search import NoIndexError, OpenIndex, index_open
from unlearning_jobs.leases import NothingToClaimError
from unlearning_jobs.models import CorpusIndex, CorpusSnapshot
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.indexes import index_claim, index_complete, indexes_order, indexes_reconcile
from unlearning_jobs.services.snapshots import snapshot_open
from unlearning_jobs.states import JobState

pytestmark = pytest.mark.usefixtures("artefacts", "queues")
BUILD_AND_STOP = """
import django, os, signal, sys
django.setup()
from pathlib import Path
from django.conf import settings
settings.ARTEFACTS = Path(sys.argv[1])
from unlearning_jobs import stamps
from unlearning_jobs.index_runner import index_execute
stamps.COARSEST = 0
def said(done, total):
    if done > total // 2:
        os.kill(os.getpid(), signal.SIGKILL)
index_execute(index_id=int(sys.argv[2]), said=said)
"""


def registered(folder: Path, *texts: str, name: str = "desk") -> CorpusSnapshot:
    path = folder / "desk.jsonl"
    path.write_text("".join(json.dumps({"text": text, "author": "Zelda"}) + "\n" for text in texts or ("one", "two")))
    return corpus_register(name=name, sources=[path], actor="account:1")


def texts_of(snapshot: CorpusSnapshot) -> CorpusIndex:
    return snapshot.indexes.get(kind=Kind.TEXTS)


def opened(snapshot: CorpusSnapshot) -> OpenIndex:
    return index_open(snapshot, snapshot_open(snapshot=snapshot).files, Kind.TEXTS)


def found(snapshot: CorpusSnapshot, words: str) -> list[str]:
    index, files = opened(snapshot), snapshot_open(snapshot=snapshot).files
    return [match.example_id for match in find_matches(files, [Query("q", "exact", words)], index=index.texts)]


def refused(snapshot: CorpusSnapshot) -> str:
    with pytest.raises(NoIndexError) as error:
        opened(snapshot)
    return error.value.code


@pytest.mark.django_db
def test_registering_orders_an_index_and_the_command_builds_it_and_says_so(tmp_path: Path) -> None:
    assert texts_of(registered(tmp_path)).state == JobState.QUEUED
    out = StringIO()
    call_command("corpus_register", "other", str(tmp_path / "desk.jsonl"), stdout=out)
    snapshot = CorpusSnapshot.objects.get(corpus__name="other")
    index = texts_of(snapshot)
    assert f"index texts: built {index.digest}" in out.getvalue()
    assert found(snapshot, "two") == ["e00000001"]


@pytest.mark.django_db
def test_a_registration_may_leave_the_index_to_a_worker(tmp_path: Path, queues: Queues) -> None:
    registered(tmp_path)
    call_command("corpus_register", "other", str(tmp_path / "desk.jsonl"), "--index-later", stdout=StringIO())
    assert {index.state for index in CorpusIndex.objects.all()} == {JobState.QUEUED}
    indexes_reconcile()
    assert len(queues) == 0  # whoever registered it may be about to build it
    CorpusIndex.objects.update(ring_at=timezone.now())
    indexes_reconcile()
    assert len(queues) == 2


@pytest.mark.django_db
def test_an_index_is_built_once_and_by_one_worker(tmp_path: Path) -> None:
    index = texts_of(registered(tmp_path))
    index_claim(index_id=index.pk)
    with pytest.raises(NothingToClaimError):
        index_execute(index_id=index.pk)
    assert refused(index.snapshot) == "index_waits"


@pytest.mark.django_db
def test_whoever_lost_the_lease_completes_nothing(tmp_path: Path) -> None:
    index = texts_of(registered(tmp_path))
    stale = index_claim(index_id=index.pk)
    CorpusIndex.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    indexes_reconcile()
    with pytest.raises(Exception, match="no longer this worker's"):
        index_complete(claim=stale, digest="ab" * 32, stamp={})
    assert index_execute(index_id=index.pk).state == JobState.COMPLETED


@pytest.mark.django_db
def test_a_build_that_never_ends_fails_after_three_runs_and_is_begun_again_by_hand(tmp_path: Path) -> None:
    snapshot = registered(tmp_path)
    for _run in range(3):
        index_claim(index_id=texts_of(snapshot).pk)
        CorpusIndex.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        indexes_reconcile()
    assert (texts_of(snapshot).state, texts_of(snapshot).error_code) == (JobState.FAILED, "runs_used_up")
    assert refused(snapshot) == "index_failed"
    call_command("corpus_index", "desk", stdout=StringIO())
    assert found(snapshot, "one") == ["e00000000"]


@pytest.mark.usefixtures("committed_database")
def test_a_killed_build_leaves_no_index_and_the_next_one_goes_on(
    tmp_path: Path, artefacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unlearning_jobs.stamps.COARSEST", 0)  # what was written a moment ago counts as settled
    snapshot = registered(tmp_path, *(f"stone {n} is grey" for n in range(40)))
    index = texts_of(snapshot)
    parameters = connection.get_connection_params()
    url = f"postgresql://{parameters['user']}@/{parameters['dbname']}?host={parameters['host']}"
    command = [sys.executable, "-c", BUILD_AND_STOP, str(artefacts), str(index.pk)]
    ended = subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert refused(snapshot) == "index_waits"
    building = artefacts / f"{snapshot.path}.texts.building"
    kept = {path: path.stat().st_mtime_ns for path in (building / "passages").rglob("*")}
    assert kept

    CorpusIndex.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    indexes_reconcile()
    index_execute(index_id=index.pk)
    assert found(snapshot, "stone 7 is grey") == ["e00000007"]
    finished = artefacts / texts_of(snapshot).path
    assert {finished / path.relative_to(building): at for path, at in kept.items()}.items() <= {
        path: path.stat().st_mtime_ns for path in finished.rglob("*")
    }.items()


@pytest.mark.django_db
def test_the_index_of_a_longer_snapshot_builds_upon_the_earlier_one(tmp_path: Path, artefacts: Path) -> None:
    first = registered(tmp_path, "one", "two")
    index_execute(index_id=texts_of(first).pk)
    second = registered(tmp_path, "one", "two", "three")
    index_execute(index_id=texts_of(second).pk)
    assert len(list((artefacts / texts_of(second).path / "passages").glob("segment-*"))) == 2
    assert found(second, "three") == ["e00000002"]


@pytest.mark.django_db
def test_what_was_registered_before_there_were_indexes_gets_one_if_a_model_in_use_has_learned_from_it(
    tmp_path: Path, queues: Queues
) -> None:
    old, unused = registered(tmp_path), registered(tmp_path, "three", "four", name="attic")
    CorpusIndex.objects.all().delete()
    model_version(snapshot=old)
    indexes_reconcile()
    CorpusIndex.objects.update(ring_at=timezone.now())
    indexes_reconcile()
    assert (texts_of(old).state, unused.indexes.count(), len(queues)) == (JobState.QUEUED, 0, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("harm", ["cut", "swapped", "gone", "other snapshot"])
def test_an_index_that_is_not_the_one_that_was_built_is_not_asked_and_built_again(
    tmp_path: Path, artefacts: Path, harm: str
) -> None:
    snapshot, other = registered(tmp_path), registered(tmp_path, "three", "four", name="other")
    for one in (snapshot, other):
        index_execute(index_id=texts_of(one).pk)
    opened(snapshot)
    folder = artefacts / texts_of(snapshot).path
    if harm == "cut":
        os.truncate(folder / "words" / "vocabulary.txt", 1)
    elif harm == "swapped":  # of the same snapshot, and whole: but not the one that was built
        described = json.loads((folder / "index.json").read_bytes())
        (folder / "index.json").write_text(json.dumps(described | {"examples": 3}))
    else:
        shutil.rmtree(folder)
        if harm == "other snapshot":
            shutil.copytree(artefacts / texts_of(other).path, folder)
    codes = {"gone": "index_gone", "other snapshot": "index_of_another_snapshot"}
    assert refused(snapshot) == codes.get(harm, "index_damaged")
    assert refused(snapshot) == "index_waits"
    index_execute(index_id=texts_of(snapshot).pk)
    assert found(snapshot, "two") == ["e00000001"]


@pytest.fixture
def small_disk(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A disk with room for a small corpus and not for its index."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=320k", "none", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk of its own can be mounted by root only")
    settings.ARTEFACTS = disk
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.django_db
def test_a_full_disk_leaves_a_corpus_without_index_and_the_page_says_why(tmp_path: Path, small_disk: Path) -> None:
    snapshot = registered(tmp_path, *(f"stone {n} is as grey as stone {n + 1}" for n in range(800)))
    assert index_execute(index_id=texts_of(snapshot).pk).error_code == "no_space"
    assert not list(small_disk.rglob("*.building"))
    assert refused(snapshot) == "index_failed"
    site = signed_in(account("engineer"))
    assert "The disk is full" in site.get(f"/jobs/corpora/{snapshot.pk}/").words

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    call_command("corpus_index", stdout=StringIO())
    assert found(snapshot, "stone 7 is as grey as stone 8") == ["e00000007"]


# -- proving a snapshot


@pytest.mark.django_db
def test_a_snapshot_is_read_in_full_once_and_again_when_anybody_wrote_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unlearning_jobs.stamps.COARSEST", 0)
    snapshot = registered(tmp_path)
    folder = configured.ARTEFACTS / snapshot.path
    snapshot_open(snapshot=snapshot)
    first = CorpusSnapshot.objects.get(pk=snapshot.pk).checked_at
    snapshot_open(snapshot=snapshot)
    assert CorpusSnapshot.objects.get(pk=snapshot.pk).checked_at == first
    (folder / "salt").touch()  # the same bytes, at another time
    snapshot_open(snapshot=snapshot)
    assert CorpusSnapshot.objects.filter(pk=snapshot.pk, checked_at__gt=first).exists()


@pytest.mark.django_db
def test_other_bytes_under_the_old_time_and_size_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlearning_jobs.stamps.COARSEST", 0)
    snapshot = registered(tmp_path)
    snapshot_open(snapshot=snapshot)
    path = configured.ARTEFACTS / snapshot.path / "examples.jsonl"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"two", b"six"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(CorpusError):
        snapshot_open(snapshot=snapshot)
    assert CorpusSnapshot.objects.get(pk=snapshot.pk).stamp == {}


@pytest.mark.django_db
def test_what_was_written_a_moment_ago_is_not_relied_on_by_its_times(tmp_path: Path) -> None:
    snapshot = registered(tmp_path)
    snapshot_open(snapshot=snapshot)
    assert CorpusSnapshot.objects.get(pk=snapshot.pk).stamp == {}


@pytest.mark.django_db
def test_a_change_while_a_snapshot_is_read_is_noticed_at_the_end(tmp_path: Path) -> None:
    snapshot = registered(tmp_path)
    proven = snapshot_open(snapshot=snapshot)
    proven.require_unchanged()
    (proven.files.folder / "salt").touch()
    with pytest.raises(CorpusError, match="changed while"):
        proven.require_unchanged()


@pytest.mark.django_db
def test_indexes_are_ordered_only_for_what_a_snapshot_holds(tmp_path: Path) -> None:
    assert [index.kind for index in indexes_order(snapshot=registered(tmp_path))] == [Kind.TEXTS]
