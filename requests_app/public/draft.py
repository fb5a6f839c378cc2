"""The answers of somebody who has not sent the request yet: in the session, encrypted, until sent or two hours idle."""

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
    """`answers` holds the cleaned answers by step; `key` makes a form that is sent twice one request."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    answers: dict[str, Answer] = field(default_factory=dict)
    typed: dict[str, Answer] = field(default_factory=dict)
    """What was typed on a step whose draft had expired: shown again there, not an answer yet."""
    touched: float = field(default_factory=time.time)

    def answer(self, step: str, name: str) -> Any:
        return self.answers.get(step, {}).get(name)

    def digest(self) -> str:
        """Changes with any answer, so that nobody sends what another tab has changed since."""
        text = json.dumps([self.key, self.answers], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def draft_load(session: SessionBase) -> Draft | None:
    """The draft; None when there is none, it lay idle for too long, or its key is gone."""
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
