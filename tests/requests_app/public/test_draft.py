from __future__ import annotations

import base64

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore

from requests_app.public.draft import DRAFT, IDLE_SECONDS, Draft, draft_delete, draft_load, draft_save


@pytest.fixture
def session() -> SessionStore:
    return SessionStore()


def test_draft_comes_back_as_it_was_saved(session: SessionStore) -> None:
    draft = Draft(answers={"name": {"name": "Ada Beispiel"}})
    draft_save(session, draft)
    assert draft_load(session) == draft


def test_draft_lies_encrypted_in_the_session(session: SessionStore) -> None:
    draft_save(session, Draft(answers={"name": {"name": "Ada Beispiel"}}))
    assert b"Ada" not in base64.b64decode(session[DRAFT])


def test_draft_expires_when_it_lies_idle(session: SessionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft()
    draft_save(session, draft)
    monkeypatch.setattr("requests_app.public.draft.time.time", lambda: draft.touched + IDLE_SECONDS)
    assert draft_load(session) is None


def test_draft_that_was_tampered_with_is_no_draft(session: SessionStore) -> None:
    draft_save(session, Draft())
    session[DRAFT] = session[DRAFT][:-8] + "AAAAAAA="
    assert draft_load(session) is None


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
