"""The answers to a request that has not been sent yet. Kept encrypted in the session until sent, or idle for two hours."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from requests_app.encryption import DecryptionError, decrypt, encrypt

DRAFT = "request_draft"
COLUMN = "session.request_draft"
IDLE_SECONDS = 2 * 3600

Answer = dict[str, Any]


@dataclass
class Draft:
    """The cleaned answers by step. `key` makes sure that a form sent twice creates one request."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    answers: dict[str, Answer] = field(default_factory=dict)
    typed: dict[str, Answer] = field(default_factory=dict)
    """What was typed on a step after the draft had expired: shown again there, but not an answer yet."""
    touched: float = field(default_factory=time.time)

    def answer(self, step: str, name: str) -> Any:
        return self.answers.get(step, {}).get(name)

    def digest(self) -> str:
        """Return a digest of all answers, so that nobody sends answers that another tab has changed since."""
        text = json.dumps([self.key, self.answers], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def draft_load(session: SessionBase) -> Draft | None:
    """Return the draft; None when there is none, it was idle for too long, or its key is gone."""
    sealed = session.get(DRAFT)
    if not sealed:
        return None
    try:
        draft = Draft(**json.loads(decrypt(base64.b64decode(sealed), COLUMN)))
    except (DecryptionError, ValueError, TypeError):
        return None
    return draft if time.time() - draft.touched < IDLE_SECONDS else None


def draft_save(session: SessionBase, draft: Draft) -> None:
    draft.touched = time.time()
    session[DRAFT] = base64.b64encode(encrypt(json.dumps(asdict(draft)), COLUMN)).decode()


def draft_delete(session: SessionBase) -> None:
    session.pop(DRAFT, None)
