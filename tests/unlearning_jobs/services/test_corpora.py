"""Registering corpora: once, whole, and again after anything went wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import ContentsKey, Corpus, CorpusSnapshot
from unlearning_jobs.selectors import snapshot_info
from unlearning_jobs.services import drafts
from unlearning_jobs.services.corpora import corpus_register

pytestmark = pytest.mark.usefixtures("artefacts")

REGISTER_AND_STOP = """
import django, os, signal, sys
django.setup()
from pathlib import Path
from django.conf import settings
from unlearning_jobs.services import corpora
settings.ARTEFACTS = Path(sys.argv[1])
def stop(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "reading":
    corpora.corpus_register(name="desk", sources=[Path(sys.argv[2])], actor="account:1", on_read=stop)
else:
    from django.db.backends.postgresql.base import DatabaseWrapper
    store = corpora._store
    def stores(*arguments):
        DatabaseWrapper._commit = stop
        return store(*arguments)
    corpora._store = stores
    corpora.corpus_register(name="desk", sources=[Path(sys.argv[2])], actor="account:1")
"""


def desk(folder: Path, *texts: str) -> Path:
    path = folder / "desk.jsonl"
    path.write_text("".join(json.dumps({"text": text, "author": "Zelda"}) + "\n" for text in texts or ("one", "two")))
    return path


def register(source: Path, name: str = "desk") -> CorpusSnapshot:
    return corpus_register(name=name, sources=[source], actor="account:1")


def left_in(artefacts: Path) -> set[str]:
    return {path.name for path in (artefacts / "corpora" / "desk").iterdir() if path.name != ".lock"}


@pytest.mark.django_db
def test_the_same_file_again_is_the_same_snapshot_and_no_second_entry(tmp_path: Path) -> None:
    first = register(desk(tmp_path))
    assert register(desk(tmp_path)) == first
    assert len(entries_of(subject="corpus:desk")) == 1
    assert register(desk(tmp_path, "one", "three")).digest != first.digest
    assert first.corpus.snapshots.count() == 2


@pytest.mark.django_db
def test_another_corpus_or_another_installation_has_another_digest(tmp_path: Path, settings: Settings) -> None:
    digests = {register(desk(tmp_path)).digest, register(desk(tmp_path), "other").digest}
    settings.LEDGER_KEYS = ["ab" * 32]
    ContentsKey.objects.all().delete()  # another database
    digests.add(register(desk(tmp_path)).digest)
    assert len(digests) == 3


@pytest.mark.django_db
def test_a_new_key_of_the_ledger_leaves_the_digest_as_it_was(tmp_path: Path, settings: Settings) -> None:
    first = register(desk(tmp_path))
    settings.LEDGER_KEYS = ["ab" * 32, *settings.LEDGER_KEYS]
    assert register(desk(tmp_path)) == first


@pytest.mark.django_db
@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_files_that_are_gone_or_damaged_come_back_with_the_same_source(tmp_path: Path, artefacts: Path, harm: str) -> None:
    first = register(desk(tmp_path))
    folder = artefacts / first.path
    if harm == "gone":
        shutil.rmtree(folder)
    else:
        (folder / "examples.jsonl").write_bytes(b"")
    assert register(desk(tmp_path)) == first
    assert len(Snapshot.open(folder, first.digest)) == 2


@pytest.mark.django_db
def test_the_sources_are_told_from_the_snapshot_itself(tmp_path: Path) -> None:
    [source] = snapshot_info(register(desk(tmp_path))).sources
    assert (source.name, source.metadata, source.examples) == ("desk.jsonl", ("author",), 2)


@pytest.mark.django_db
def test_a_refused_corpus_leaves_nothing(tmp_path: Path, artefacts: Path) -> None:
    with pytest.raises(CorpusError):
        register(desk(tmp_path, "one", "one"))
    assert left_in(artefacts) == set()
    assert not Corpus.objects.exists()


@pytest.mark.django_db
def test_a_registration_that_the_database_refuses_leaves_nothing(
    tmp_path: Path, artefacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def renamed_and_failed(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if self.parent.name.startswith(drafts.DRAFT):
            raise OSError(28, "No space left on device")  # as late as an error can come
        return moved

    monkeypatch.setattr(Path, "rename", renamed_and_failed)
    with pytest.raises(OSError, match="No space left"):
        register(desk(tmp_path))
    assert left_in(artefacts) == set()
    assert not CorpusSnapshot.objects.exists()


@pytest.mark.django_db
def test_two_registrations_of_one_corpus_do_not_meet(tmp_path: Path, artefacts: Path) -> None:
    source = desk(tmp_path)
    beside = drafts.draft_alone(artefacts / "corpora" / "desk", lambda _folder: True, "")
    with beside, pytest.raises(StaleStateError, match="Somebody else registers desk"):
        register(source)
    assert register(source).counts == {"train": 2}


# -- killed


@pytest.fixture
def environment(committed_database: None) -> dict[str, str]:  # noqa: ARG001  # other processes see its commits
    database = connection.get_connection_params()
    url = f"postgresql://{database['user']}@/{database['dbname']}?host={database['host']}"
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "compliance.settings"}


@pytest.mark.parametrize("moment", ["reading", "committing"])
def test_a_registration_that_is_killed_leaves_nothing_registered_and_the_next_one_cleans_up(
    tmp_path: Path, artefacts: Path, environment: dict[str, str], moment: str
) -> None:
    command = [sys.executable, "-c", REGISTER_AND_STOP, str(artefacts), str(desk(tmp_path)), moment]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True, timeout=60)
    assert killed.returncode == -9, killed.stderr.decode()
    leftovers = left_in(artefacts)
    assert len(leftovers) == {"reading": 1, "committing": 2}[moment]
    assert not CorpusSnapshot.objects.exists()
    other = register(desk(tmp_path, "three", "four"))
    assert left_in(artefacts) == {Path(other.path).name}
    assert register(desk(tmp_path)).counts == {"train": 2}


@pytest.mark.django_db
def test_a_draft_that_outlived_its_commit_takes_no_snapshot_with_it(tmp_path: Path, artefacts: Path) -> None:
    first = register(desk(tmp_path))
    draft = artefacts / "corpora" / "desk" / f"{drafts.DRAFT}killed"
    draft.mkdir()
    (draft / drafts.PLACE).write_text(Path(first.path).name)
    register(desk(tmp_path, "three", "four"))
    assert not draft.exists()
    assert len(Snapshot.open(artefacts / first.path, first.digest)) == 2
