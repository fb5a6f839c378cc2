"""The answers to a request that has not been sent yet: encrypted, and deleted after two hours without a new one."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from compliance.encryption import DecryptionError, decrypt, encrypt
from requests_app.models import UnsentAnswers
from requests_app.services.drafts import unsent_delete, unsent_load, unsent_save

DRAFT = "request_draft"

Answer = dict[str, Any]


@dataclass
class Draft:
    """The cleaned answers by step. `key` makes sure that a form sent twice creates one request."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    answers: dict[str, Answer] = field(default_factory=dict)
    typed: dict[str, Answer] = field(default_factory=dict)
    """What was typed on a step after the draft had expired: shown again there, but not an answer yet."""

    def answer(self, step: str, name: str) -> Any:
        return self.answers.get(step, {}).get(name)

    def digest(self) -> str:
        """Return a digest of all answers, so that nobody sends answers that another tab has changed since."""
        text = json.dumps([self.key, self.answers], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def draft_load(session: SessionBase) -> Draft | None:
    """Return the draft; None when there is none, it was idle for too long, or it cannot be decrypted any more."""
    sealed = unsent_load(key=session[DRAFT]) if DRAFT in session else None
    if sealed is None:
        return None
    try:
        return Draft(**json.loads(decrypt(sealed, UnsentAnswers.SEALED_AS)))
    except (DecryptionError, ValueError, TypeError):
        return None


def draft_save(session: SessionBase, draft: Draft) -> None:
    session[DRAFT] = draft.key
    unsent_save(key=draft.key, sealed=encrypt(json.dumps(asdict(draft)), UnsentAnswers.SEALED_AS))


def draft_leave(session: SessionBase) -> None:
    """Start without a draft next time. The answers expire; a second click on “Send” still finds them until then."""
    session.pop(DRAFT, None)


def draft_delete(session: SessionBase) -> None:
    """Delete the answers at once."""
    if key := session.pop(DRAFT, None):
        unsent_delete(key=key)
