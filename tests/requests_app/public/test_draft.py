from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.utils import timezone

from requests_app.models import UnsentAnswers
from requests_app.public.draft import Draft, draft_delete, draft_leave, draft_load, draft_save
from requests_app.services.drafts import KEPT_FOR
from requests_app.services.reconcile import requests_reconcile

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> SessionStore:
    return SessionStore()


def test_draft_comes_back_as_it_was_saved(session: SessionStore) -> None:
    draft = Draft(answers={"name": {"name": "Ada Beispiel"}})
    draft_save(session, draft)
    assert draft_load(session) == draft


def test_answers_lie_encrypted(session: SessionStore) -> None:
    draft_save(session, Draft(answers={"name": {"name": "Ada Beispiel"}}))
    assert b"Ada" not in bytes(UnsentAnswers.objects.get().sealed)
    assert "Ada" not in str(dict(session))


def test_draft_expires_when_it_lies_idle(session: SessionStore) -> None:
    draft_save(session, Draft())
    UnsentAnswers.objects.update(touched_at=timezone.now() - KEPT_FOR)
    assert draft_load(session) is None


def test_unsent_answers_are_deleted_after_two_hours(session: SessionStore) -> None:
    """The privacy notice says so."""
    draft_save(session, Draft(answers={"name": {"name": "Ada Beispiel"}}))
    draft_leave(session)
    UnsentAnswers.objects.update(touched_at=timezone.now() - timedelta(hours=1, minutes=59))
    requests_reconcile()
    assert UnsentAnswers.objects.exists()
    UnsentAnswers.objects.update(touched_at=timezone.now() - timedelta(hours=2))
    requests_reconcile()
    assert not UnsentAnswers.objects.exists()


def test_draft_that_was_tampered_with_is_no_draft(session: SessionStore) -> None:
    draft_save(session, Draft())
    UnsentAnswers.objects.update(sealed=b"\0" * 40)
    assert draft_load(session) is None


def test_discarding_deletes_the_answers_at_once(session: SessionStore) -> None:
    draft_save(session, Draft())
    draft_delete(session)
    assert not UnsentAnswers.objects.exists()


def test_deleting_twice_is_no_error(session: SessionStore) -> None:
    draft_delete(session)
    assert draft_load(session) is None


def test_digest_changes_with_any_answer() -> None:
    draft = Draft(answers={"name": {"name": "Ada"}})
    before = draft.digest()
    draft.answers["name"]["name"] = "Bea"
    assert draft.digest() != before


def test_every_draft_has_a_key_of_its_own() -> None:
    assert Draft().key != Draft().key
