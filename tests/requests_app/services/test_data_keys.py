"""A key of DATA_KEYS can be retired: what is stored is encrypted again, however often that is interrupted."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import InternalError
from pytest_django import Settings

from compliance.encryption import DecryptionError, EncryptedTextField, key_id_of
from compliance.record.selectors import entries_of
from requests_app.models import Ending, ErasureRequest, UnsentAnswers
from requests_app.public.draft import Draft, draft_load, draft_save
from requests_app.services import data_keys
from requests_app.services.data_keys import data_reencrypt
from tests.endings import REASONS, refused
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
NEW = "new:" + "22" * 32


@pytest.fixture
def case(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is there
    """A refused request: its ending is fixed by a trigger."""
    stage = Stage.opened(staff, trained(corpus())).searched()
    refused(stage)
    return stage


def keys_in_use() -> set[str]:
    used = set()
    with connection.cursor() as cursor:
        for model, columns in data_keys._encrypted_columns().items():
            cursor.execute(f"SELECT {', '.join(columns)} FROM {model._meta.db_table}")  # noqa: S608  # names of our own tables
            used |= {key_id_of(bytes(value)) for row in cursor.fetchall() for value in row}
    return used


def test_after_a_rotation_the_old_key_is_not_needed(case: Stage, settings: Settings) -> None:
    settings.DATA_KEYS = [NEW, *settings.DATA_KEYS]
    out = StringIO()
    call_command("data_keys_rotate", stdout=out)

    settings.DATA_KEYS = [NEW]
    assert ErasureRequest.objects.get(pk=case.request.pk).name == ADA
    assert Ending.objects.get().reasons == REASONS
    assert keys_in_use() == {"new"}
    assert "Nothing needs these keys any more: local." in out.getvalue()


def test_every_encrypted_column_is_encrypted_again() -> None:
    from django.apps import apps

    fields = {
        field.column
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedTextField)
    }
    assert fields | {"sealed"} == {column for columns in data_keys._encrypted_columns().values() for column in columns}


def test_unsent_answers_survive_a_rotation(settings: Settings) -> None:
    session: dict[str, str] = {}
    draft = Draft(answers={"kind": {"kind": "erasure"}})
    draft_save(session, draft)  # type: ignore[arg-type]  # a session is used like a dict here
    settings.DATA_KEYS = [NEW, *settings.DATA_KEYS]
    data_reencrypt()

    settings.DATA_KEYS = [NEW]
    assert draft_load(session) == draft  # type: ignore[arg-type]  # see above
    assert UnsentAnswers.objects.count() == 1


@pytest.mark.usefixtures("case")
def test_it_is_recorded_without_a_word_of_anybody(settings: Settings) -> None:
    settings.DATA_KEYS = [NEW, *settings.DATA_KEYS]
    done = data_reencrypt()

    (entry,) = entries_of(subject="keys:data")
    assert entry.data == {"key": "new", "retired": ["local"], "values": done.values}
    assert done.values > 10


@pytest.mark.usefixtures("case")
def test_an_interrupted_rotation_is_finished_by_the_next(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_KEYS = [NEW, *settings.DATA_KEYS]
    monkeypatch.setattr(data_keys, "BATCH", 1)
    model, columns = next(iter({m: c for m, c in data_keys._encrypted_columns().items() if m is ErasureRequest}.items()))
    assert data_keys._reencrypt_batch(model, columns, "new")
    assert keys_in_use() == {"new", "local"}

    assert data_reencrypt().values > 0
    assert keys_in_use() == {"new"}
    assert data_reencrypt().values == 0


@pytest.mark.usefixtures("case")
def test_a_value_whose_key_is_gone_stops_it_and_is_kept(settings: Settings) -> None:
    settings.DATA_KEYS = [NEW]
    with pytest.raises(CommandError, match="Add the key back"):
        call_command("data_keys_rotate")
    assert keys_in_use() == {"local"}
    with pytest.raises(DecryptionError):
        ErasureRequest.objects.get()


@pytest.mark.usefixtures("case")
def test_decided_endings_are_fixed_again_afterwards(settings: Settings) -> None:
    settings.DATA_KEYS = [NEW, *settings.DATA_KEYS]
    data_reencrypt()
    with pytest.raises((InternalError, Exception), match="ending_decided_is_fixed"), transaction.atomic():
        Ending.objects.update(reasons="Something else.")
