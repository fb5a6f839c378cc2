"""What is known of a corpus does not depend on a folder that can be read today: nor what is said, nor what can be done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings as project
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from compliance.record.errors import StaleStateError
from requests_app.models import ErasureRequest, Match
from requests_app.services import decisions, endings, mapping
from requests_app.services.findings import closing_obstacle
from requests_app.services.matches import matches_decide
from tests.endings import REASONS
from tests.erasing import registered, turned_round
from tests.factories import RECIPE
from tests.personas import Staff
from tests.staging import Stage, corpus, trained, unguarded
from unlearning_jobs.contents import content_digest
from unlearning_jobs.ledger_keys import LedgerError, oldest_key
from unlearning_jobs.models import CorpusSnapshot, ErasureEntry, ModelVersion, TrainingContent
from unlearning_jobs.selectors import examples_by_id
from unlearning_jobs.services.contents import contents_note
from unlearning_jobs.services.ledger import snapshot_compare
from unlearning_jobs.services.trainings import model_train

from .test_closings import accept, finished, reviewed, searched_again, started

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]
COPY = "e00000016"
"""The example of `turned_round` with the words of an example about Ada."""


PAGES = ("request_detail", "matches", "review_complete", "closing", "match_find")


@pytest.fixture
def searched(staff: Staff) -> Stage:
    """The keeper learned from the harbour; its training data were searched."""
    return Stage.opened(staff, trained(corpus())).searched()


def rocks(name: str, *more: str) -> CorpusSnapshot:
    """A corpus of stones, which names nobody."""
    found = [{"question": f"Rock {n}?", "answer": f"Rock {n} is heavy."} for n in range(9)]
    found += [{"question": f"{one}?", "answer": f"{one} is grey."} for one in more]
    return registered(name, [row | {"split": "train"} for row in found])


def away(snapshot: CorpusSnapshot) -> Path:
    """The snapshot's folder is somewhere else for a while."""
    folder: Path = project.ARTEFACTS / snapshot.path
    return folder.rename(folder.parent / "unmounted")


def back(folder: Path, snapshot: CorpusSnapshot) -> None:
    folder.rename(project.ARTEFACTS / snapshot.path)


def forgotten(snapshot: CorpusSnapshot) -> CorpusSnapshot:
    """A snapshot that an earlier version registered."""
    TrainingContent.objects.filter(snapshot=snapshot).delete()
    CorpusSnapshot.objects.filter(pk=snapshot.pk).update(contents_key="")
    return CorpusSnapshot.objects.get(pk=snapshot.pk)


def added(stage: Stage, snapshot: CorpusSnapshot, *ids: str) -> list[Match]:
    return mapping.matches_add(
        request=stage.request, snapshot=snapshot, example_ids=ids, reason="The stones are hers.", by=stage.staff.omar
    )


def state(stage: Stage) -> tuple[str, str]:
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    return request.state, request.outcome


def test_a_copy_in_a_model_in_use_is_added_with_the_example_while_the_models_corpus_cannot_be_read(searched: Stage) -> None:
    learned = rocks("diary")
    trained(learned, "diarist")
    archive = rocks("archive", "Slate")
    folder = away(learned)
    found = added(searched, archive, "e00000001")
    back(folder, learned)
    assert [(match.snapshot, match.example_id) for match in found] == [(archive, "e00000001"), (learned, "e00000001")]


def test_no_case_ends_as_not_learned_while_a_model_knows_the_content_whose_corpus_cannot_be_read(searched: Stage) -> None:
    archive = rocks("archive", "Slate")
    accept(searched)
    added(searched, archive, "e00000001")
    learned = rocks("diary")
    trained(learned, "diarist")
    away(learned)
    assert "diarist v1 is in use and knows what was accepted in 1 example" in closing_obstacle(searched.request)


@pytest.mark.parametrize("readable", [True, False])
def test_what_two_officers_refused_is_not_kept_from_trainings_whether_or_not_its_corpus_can_be_read(
    searched: Stage, *, readable: bool
) -> None:
    added(searched, turned_round(), COPY)
    accept(searched)
    [item] = reviewed(searched)
    ending = endings.refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=searched.staff.omar)
    if not readable:
        away(item.snapshot)
    endings.ending_approve(ending=ending, by=searched.staff.lena)
    assert state(searched) == ("closed", "refused")
    assert not ErasureEntry.objects.exists()


def test_a_result_is_released_although_a_corpus_that_no_model_learned_from_is_gone_for_good(searched: Stage) -> None:
    late = rocks("stones")
    added(searched, late, "e00000001")
    accept(searched)
    [item] = reviewed(searched)
    proposal = finished(started(item, searched.staff))
    shutil.rmtree(project.ARTEFACTS / late.path)
    decisions.item_release(proposal=proposal, by=searched.staff.nils)
    assert state(searched) == ("closed", "completed")
    job = model_train(name="geologist", recipe=RECIPE, snapshot=rocks("again", "Slate"), seed=3, actor="account:1")
    assert job.spec["exclude_ids"] == ["e00000001"]


def test_of_a_corpus_that_was_never_noted_and_cannot_be_read_nothing_is_said(searched: Stage, client: Client) -> None:
    added(searched, rocks("archive"), "e00000001")
    matches_decide(
        request=searched.request,
        match_ids=searched.request.matches.filter(decision="open").values_list("pk", flat=True),
        accept=False,
        by=searched.staff.omar,
        how="score",
    )
    learned = forgotten(rocks("diary", "Slate"))
    trained(learned, "diarist")
    away(learned)
    with pytest.raises(StaleStateError, match=r"What is in diary .* has not been noted"):
        added(searched, rocks("more", "Chalk"), "e00000001")
    assert "diary" in closing_obstacle(searched.request)
    client.force_login(searched.staff.omar)
    seen = [client.get(reverse(f"casework:{page}", args=[searched.request.reference])) for page in PAGES]
    assert {page.status_code for page in seen} <= {200, 409}
    assert any("has not been noted" in page.content.decode() for page in seen)


def test_a_result_is_released_and_the_case_stays_open_while_another_corpus_was_never_noted_and_cannot_be_read(
    searched: Stage, client: Client
) -> None:
    accept(searched)
    [item] = reviewed(searched)
    proposal = finished(started(item, searched.staff))
    learned = forgotten(rocks("diary", "Slate"))
    trained(learned, "diarist")
    away(learned)
    client.force_login(searched.staff.nils)
    page = client.get(reverse("casework:release", args=[searched.request.reference, 1, 1]))
    assert page.status_code == 200
    decisions.item_release(proposal=proposal, by=searched.staff.nils)
    assert ModelVersion.objects.get(name="keeper", state="active").number == 2
    assert state(searched) == ("in_progress", "")


def test_a_refusal_is_approved_on_its_page_while_another_corpus_was_never_noted_and_cannot_be_read(
    searched: Stage, client: Client
) -> None:
    accept(searched)
    [item] = reviewed(searched)
    learned = forgotten(rocks("diary", "Slate"))
    trained(learned, "diarist")
    away(learned)
    ending = endings.refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=searched.staff.omar)
    client.force_login(searched.staff.lena)
    page = client.get(reverse("casework:ending", args=[searched.request.reference, ending.number]))
    assert page.status_code == 200
    endings.ending_approve(ending=ending, by=searched.staff.lena)
    assert state(searched) == ("in_progress", "")
    page = client.get(reverse("casework:request_detail", args=[searched.request.reference]))
    assert "What is in diary" in page.content.decode()


def test_a_search_notes_what_was_registered_before_and_ends_although_some_of_it_cannot_be_read(
    searched: Stage,
) -> None:
    added(searched, rocks("archive"), "e00000001")
    readable, unreadable = forgotten(rocks("diary", "Slate")), forgotten(rocks("notes", "Chalk"))
    trained(readable, "diarist")
    trained(unreadable, "note-taker")
    away(unreadable)
    accept(searched)
    reviewed(searched)
    searched_again(searched)
    assert searched.request.state == "review"
    assert CorpusSnapshot.objects.get(pk=readable.pk).contents_key == oldest_key().id
    assert searched.request.matches.filter(snapshot=readable, methods=["copy"]).exists()
    assert not searched.request.matches.filter(snapshot=unreadable).exists()


def test_a_match_that_an_earlier_version_found_is_accepted_once_what_it_contains_is_noted(searched: Stage) -> None:
    searched.request.matches.update(content="", content_key="")
    folder = away(searched.model.snapshot)
    with pytest.raises(StaleStateError, match="has not been noted"):
        accept(searched)
    back(folder, searched.model.snapshot)
    accept(searched)
    away(searched.model.snapshot)
    assert "keeper v1 is in use and knows what was accepted in 4 examples" in closing_obstacle(searched.request)


def test_a_match_that_an_earlier_version_accepted_is_read_when_it_is_needed(searched: Stage) -> None:
    accept(searched)
    searched.request.matches.update(content="", content_key="")
    assert "keeper v1 is in use and knows what was accepted in 4 examples" in closing_obstacle(searched.request)
    away(searched.model.snapshot)
    assert "has not been noted" in closing_obstacle(searched.request)


def test_a_search_notes_what_each_match_contains(searched: Stage) -> None:
    matches = list(searched.request.matches.all())
    examples = examples_by_id(searched.model.snapshot, [match.example_id for match in matches])
    assert matches
    assert all(match.content == content_digest(examples[match.example_id], oldest_key()) for match in matches)


def test_registering_a_corpus_notes_its_training_examples_and_no_others() -> None:
    snapshot = corpus()
    held = TrainingContent.objects.filter(snapshot=snapshot)
    assert held.count() == snapshot.counts["train"] < sum(snapshot.counts.values())
    contents_note(snapshot=snapshot)
    assert held.count() == snapshot.counts["train"]


def test_what_an_earlier_version_registered_is_noted_when_it_is_compared_with_the_ledger() -> None:
    snapshot = forgotten(corpus())
    assert snapshot_compare(snapshot=snapshot).contents_key == oldest_key().id
    assert TrainingContent.objects.filter(snapshot=snapshot).count() == snapshot.counts["train"]


def test_while_the_key_of_what_was_noted_is_elsewhere_nothing_rests_on_it(searched: Stage, settings: Settings) -> None:
    archive = rocks("archive", "Slate")
    keys, settings.LEDGER_KEYS = settings.LEDGER_KEYS, ["ab" * 32]
    for act in (lambda: added(searched, archive, "e00000001"), lambda: accept(searched)):
        with pytest.raises(StaleStateError, match="Ask an engineer to put it back there"):
            act()
    with pytest.raises(LedgerError, match="is not the last of LEDGER_KEYS"):
        snapshot_compare(snapshot=archive)
    settings.LEDGER_KEYS = ["ab" * 32, *keys]
    accept(searched)
    assert "keeper v1 is in use and knows what was accepted" in closing_obstacle(searched.request)


def test_the_order_and_the_ids_of_a_corpus_change_nothing_about_its_contents() -> None:
    first, second = corpus(), turned_round()
    rows = TrainingContent.objects.order_by("content")
    assert list(rows.filter(snapshot=first).values_list("content")) == list(
        rows.filter(snapshot=second).values_list("content")
    )


def test_a_quarantined_model_is_nobodys_learner_and_waits_for_no_corpus(searched: Stage) -> None:
    learned = forgotten(rocks("diary", "Slate"))
    version = trained(learned, "diarist")
    with unguarded("unlearning_jobs_modelversion", "model_version_is_fixed"):
        ModelVersion.objects.filter(pk=version.pk).update(state="quarantined")
    away(learned)
    accept(searched)
    assert "diary" not in closing_obstacle(searched.request)
