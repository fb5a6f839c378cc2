"""Write the policy that gateways read: which models are released or quarantined, and which guards act until when."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from compliance.formats.canonical import canonical_json, format_time
from requests_app.models import Suppression
from unlearning_jobs.engine.guards import Guard
from unlearning_jobs.gateway.policy import FORMAT, ActiveGuard, PolicyFile
from unlearning_jobs.gateway.policy import ModelState as Served
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

logger = logging.getLogger(__name__)
POLICY_FILE: Final = "policy.json"
SERVED: Final = {ModelState.ACTIVE: "released", ModelState.QUARANTINED: "quarantined"}


def gateway_policy_write() -> bool:
    """Write the policy as things are now, if it says something else; return whether it could be written.

    Guards come first and go last, so that no policy names a guard that is not there. What no longer acts is deleted.
    """
    folder = Path(settings.GATEWAY_FOLDER)
    with transaction.atomic():
        # Two writers at once could leave the older of two policies.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('gateway-policy', 0))")
        models = _models()
        active = Suppression.objects.filter(ended_at=None, until__gte=timezone.localdate()).order_by("pk")
        # A guard for no model would be one for every model; a model of which no version is served needs none.
        rows = [row for row in active if _served_as(row.model_name, models)]
        guards = [Guard.from_json(json.loads(row.artefact)) for row in rows]
        entries = tuple(
            ActiveGuard(guard.file_name, format_time(acts_until(row)), _served_as(row.model_name, models))
            for guard, row in zip(guards, rows, strict=True)
        )
        policy = canonical_json(PolicyFile(FORMAT, models, entries).to_json())
        try:
            _write(folder, guards, policy)
        except OSError as error:
            logger.warning("the gateway's policy cannot be written (%s); check GATEWAY_FOLDER", type(error).__name__)
            return False
        new = [row.pk for row in rows if row.handed_over_at is None]
        # One that was ended meanwhile stays as it is; whoever ended it has the policy written again.
        Suppression.objects.filter(pk__in=new, ended_at=None).update(handed_over_at=timezone.now())
    return True


def acts_until(suppression: Suppression) -> datetime:
    """Return the end of the last day of a suppression."""
    after = suppression.until + timedelta(days=1)
    return timezone.make_aware(datetime.combine(after, time.min))


def _models() -> dict[str, Served]:
    """Return what may be done with each version, as `name:number`, and with each name, which is its active version."""
    found: dict[str, Served] = {}
    for version in ModelVersion.objects.filter(state__in=SERVED).order_by("name", "number"):
        state = Served(SERVED[ModelState(version.state)], f"model:{version.digest[:16]}")  # type: ignore[arg-type]  # its words
        found[f"{version.name}:{version.number}"] = state
        if version.state == ModelState.ACTIVE:
            found[version.name] = state
    return found


def _served_as(name: str, models: Mapping[str, Served]) -> tuple[str, ...]:
    """Return what a model and its versions are called at the gateway."""
    return tuple(served for served in models if served.partition(":")[0] == name)


def _write(folder: Path, guards: list[Guard], policy: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {guard.file_name for guard in guards}
    for guard in guards:
        if not (folder / guard.file_name).exists():
            guard.write(folder)
    path = folder / POLICY_FILE
    if not path.exists() or path.read_bytes() != policy:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(policy)
        draft.replace(path)
    for old in folder.glob("guard-*.json"):
        if old.name not in names:
            old.unlink(missing_ok=True)
