"""What an example contains is noted from what was registered, under one key: files and keys that change harm nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings as project
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from compliance.record.errors import StaleStateError
from requests_app import tasks
from requests_app.models import Match, SearchOrder
from requests_app.services import intake, mapping
from requests_app.services.extensions import deadline_extend
from requests_app.services.findings import closing_obstacle
from requests_app.services.messages import message_send
from tests.endings import REASONS, refused
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.contents import ContentsUnknownError
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot, ModelVersion, TrainingContent
from unlearning_jobs.selectors import examples_by_id
from unlearning_jobs.services.contents import contents_note
from unlearning_jobs.services.ledger import snapshots_compare
from unlearning_jobs.states import ModelState

from .test_closings import accept, reviewed, searched_again
from .test_unreadable_corpora import away, forgotten, rocks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]
WHY = "The stones are hers."
OTHER = "ab" * 32


@pytest.fixture
def searched(staff: Staff) -> Stage:
    return Stage.opened(staff, trained(corpus())).searched()


@contextmanager
def damaged(snapshot: CorpusSnapshot) -> Iterator[None]:
    """One word is another for a while: a disk, an editor, a back-up that is half restored. Lengths and ids stay."""
    path: Path = project.ARTEFACTS / snapshot.path / "examples.jsonl"
    before = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(before.replace(b"heavy", b"heaXy"))
    yield
    path.write_bytes(before)


def added(stage: Stage, snapshot: CorpusSnapshot) -> list[Match]:
    return mapping.matches_add(
        request=stage.request, snapshot=snapshot, example_ids=["e00000001"], reason=WHY, by=stage.staff.omar
    )


def test_of_a_damaged_file_nothing_is_read_and_nothing_noted(searched: Stage) -> None:
    archive = rocks("archive")
    with damaged(archive):
        with pytest.raises(CorpusError, match="damaged"):
            examples_by_id(archive, ["e00000001"])
        with pytest.raises(StaleStateError, match="damaged"):
            added(searched, archive)
    assert not searched.request.matches.filter(snapshot=archive).exists()
    [match] = added(searched, archive)
    assert match.content == TrainingContent.objects.get(snapshot=archive, example_id="e00000001").content


def test_an_example_that_is_not_what_was_noted_is_not_accepted(searched: Stage) -> None:
    archive = rocks("archive")
    TrainingContent.objects.filter(snapshot=archive, example_id="e00000001").update(content="0" * 64)
    with pytest.raises(StaleStateError, match="not those that were registered"):
        added(searched, archive)


def test_while_keys_stand_in_another_order_nothing_is_registered_or_noted_and_afterwards_all_goes_on(
    searched: Stage, settings: Settings
) -> None:
    keys = settings.LEDGER_KEYS
    unnoted = forgotten(rocks("diary"))
    settings.LEDGER_KEYS = [*keys, OTHER]
    with pytest.raises(StaleStateError, match="put it back there"):
        rocks("archive")
    with pytest.raises(ContentsUnknownError, match="put it back there"):
        contents_note(snapshot=unnoted)
    assert any("put it back there" in problem for problem in snapshots_compare())
    settings.LEDGER_KEYS = [OTHER, *keys]
    assert snapshots_compare() == []
    trained(unnoted, "diarist")
    searched_again(searched)
    accept(searched)
    assert "noted under the key" not in closing_obstacle(searched.request)
    reviewed(searched)


def test_nothing_is_accepted_while_the_key_is_elsewhere_although_no_model_is_in_use(
    searched: Stage, settings: Settings
) -> None:
    archive, stage = rocks("archive"), searched
    ModelVersion.objects.update(state=ModelState.QUARANTINED)
    settings.LEDGER_KEYS = [OTHER]
    with pytest.raises(StaleStateError, match="put it back there"):
        added(stage, archive)


def test_a_search_ends_while_the_key_is_elsewhere_and_what_it_found_is_noted_once_it_is_back(
    searched: Stage, settings: Settings, client: Client
) -> None:
    keys, second = settings.LEDGER_KEYS, Stage.opened(searched.staff, searched.model, key="k9")
    second.request = intake.email_confirm(token=second.token("confirm", "c9"))
    settings.LEDGER_KEYS = [OTHER]
    tasks.request_map(second.request.pk)
    second.request.refresh_from_db()
    assert SearchOrder.objects.get(request=second.request).state == "completed"
    assert set(second.request.matches.values_list("content", "content_key")) == {("", "")}
    client.force_login(searched.staff.omar)
    assert client.get(reverse("casework:request_detail", args=[second.request.reference])).status_code == 200
    settings.LEDGER_KEYS = keys
    accept(second)
    assert all(second.request.matches.filter(decision="accepted").values_list("content", flat=True))


# -- letters


def test_an_extension_is_told_whatever_folder_is_away(searched: Stage) -> None:
    accept(searched)
    diary = forgotten(rocks("diary"))
    trained(diary, "diarist")
    away(diary)
    deadline_extend(request=searched.request, months=2, reasons=REASONS, by=searched.staff.omar)
    assert message_send(message_id=searched.request.messages.get(template="deadline_extended").pk)


@pytest.mark.parametrize("elsewhere", ["folder", "key"])
def test_how_a_case_ended_is_told_from_the_record_alone(searched: Stage, settings: Settings, elsewhere: str) -> None:
    refused(searched)
    if elsewhere == "folder":
        searched.request.matches.update(content="", content_key="")  # as an earlier version left them
        away(searched.model.snapshot)
    else:
        settings.LEDGER_KEYS = [OTHER]
    assert message_send(message_id=searched.request.messages.get(template="outcome_refused").pk)


def test_a_letter_that_cannot_be_written_is_an_error_and_no_message_that_was_not_due(
    searched: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(searched)

    def fails(*_: object, **__: object) -> None:
        message = "This cannot be said."
        raise StaleStateError(message)

    monkeypatch.setattr("requests_app.services.messages.letter", fails)
    with pytest.raises(StaleStateError, match="cannot be said"):
        tasks.message_send(searched.request.messages.get(template="outcome_refused").pk)
