"""Keep a model silent while a request is open: start, renew and end interim suppression. It erases nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from requests_app.models import ErasureRequest, Suppression
from requests_app.states import RequestState
from unlearning_jobs.engine.guards import Guard, GuardError
from unlearning_jobs.engine.guards.finders.near_copies import copies_of
from unlearning_jobs.engine.guards.finders.phrases import FEWEST
from unlearning_jobs.engine.guards.kinds import Settings
from unlearning_jobs.engine.guards.making import REFUSALS, person_pattern
from unlearning_jobs.engine.guards.patterns import FilterSettings, Pattern, Texts
from unlearning_jobs.engine.guards.prompt_guard import PromptSettings
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

from .permissions import require_officer
from .requests import request_lock
from .suppression_ends import active_of, gateway_tell, suppressions_end

OPEN: Final = frozenset(RequestState) - {RequestState.AWAITING_CONFIRMATION, RequestState.CLOSED}
MOST_DAYS: Final = 92
"""Days for which one act lets a suppression act: it is no substitute for a decision."""
LONGEST: Final = timedelta(days=3 * 366)
"""A guard is never renewed beyond this: it expires by itself."""


@dataclass(frozen=True)
class KeptBack:
    """What officers want kept back: names and phrases wherever they stand, passages also where some words differ."""

    names: tuple[str, ...] = ()
    """Each with its other names behind semicolons."""
    phrases: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    instruction: str = ""
    """Of an instruction to the model."""


def suppression_obstacle(request: ErasureRequest) -> str:
    """Return why nothing can be suppressed for a request now; empty if something can."""
    if request.state not in OPEN:
        return _("You cannot do this while the request is “%(state)s”.") % {"state": request.get_state_display()}
    return ""


@transaction.atomic
def suppression_start(
    *, request: ErasureRequest, model_name: str, guard: str, kept_back: KeptBack, until: date, by: Account
) -> Suppression:
    """Keep a model silent about something until a last day, and have the gateway told.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the request is not open, the model is not in use, the day is past or too far away, the same is
            suppressed already, or what is to be kept back would match nothing or nearly everything.
    """
    # 1. Lock the request; it must be open, and the model in use.
    require_officer(by)
    request = request_lock(request.pk)
    if problem := suppression_obstacle(request) or last_day_problem(until):
        raise StaleStateError(problem)
    if not ModelVersion.objects.filter(name=model_name, state=ModelState.ACTIVE).exists():
        raise StaleStateError(_("The model has no active version."))
    # 2. Make the guard. What it keeps back stays out of the record.
    try:
        made = Guard.make(
            guard,
            guard_settings(guard, kept_back),
            about=request.subject,
            owner=by.opaque,
            expires=datetime.now(UTC) + LONGEST,
        )
    except GuardError as error:
        message = _(
            "This would match nothing, or nearly everything. A name or phrase needs at least %(letters)d letters, and a"
            " passage eight words; shorter passages are phrases."
        )
        raise StaleStateError(message % {"letters": FEWEST}) from error
    if any(_settings(other) == made.settings for other in active_of(request).filter(model_name=model_name, guard=guard)):
        raise StaleStateError(_("The same is suppressed already. Renew that instead."))
    suppression = Suppression.objects.create(
        request=request,
        number=request.suppressions.count() + 1,
        model_name=model_name,
        guard=guard,
        artefact=json.dumps(made.to_json()),
        sha256=made.digest(),
        until=until,
        started_by=by,
    )
    # 3. Record it, and have the gateway told.
    data = {"suppression": suppression.number, "model": model_name, "guard": guard}
    data |= {"guard_sha256": suppression.sha256, "until": until.isoformat()}
    record_append(subject=request.subject, kind=RecordKind.SUPPRESSION_STARTED, actor=by.opaque, data=data)
    gateway_tell()
    return suppression


@transaction.atomic
def suppression_renew(*, suppression: Suppression, until: date, by: Account) -> Suppression:
    """Let a suppression act until a later day.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: it has ended, or the day is not later, past or too far away.
    """
    require_officer(by)
    request = request_lock(suppression.request_id)
    row = _active(suppression)
    if problem := suppression_obstacle(request) or last_day_problem(until):
        raise StaleStateError(problem)
    if until <= row.until:
        raise StaleStateError(_("Choose a later day than the one until which it acts already."))
    if until > (row.started_at + LONGEST).date() - timedelta(days=1):
        raise StaleStateError(_("It cannot be renewed any more. Start another one."))
    row.until = until
    row.save(update_fields=["until"])
    data = {"suppression": row.number, "until": until.isoformat()}
    record_append(subject=request.subject, kind=RecordKind.SUPPRESSION_RENEWED, actor=by.opaque, data=data)
    gateway_tell()
    return row


@transaction.atomic
def suppression_end(*, suppression: Suppression, by: Account) -> Suppression:
    """Take a suppression back before its last day.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: it has ended.
    """
    require_officer(by)
    request_lock(suppression.request_id)
    row = _active(suppression)
    suppressions_end([row], Suppression.Why.TAKEN_BACK, by.opaque)
    return row


def suppressions_expire() -> None:
    """End what has acted until its last day. The gateway let it go by itself."""
    past = Suppression.objects.filter(ended_at=None, until__lt=timezone.localdate())
    for found in past:
        with transaction.atomic():
            request_lock(found.request_id)
            row = Suppression.objects.select_for_update(no_key=True).get(pk=found.pk)
            if row.ended_at is None and row.until < timezone.localdate():  # nobody has renewed or ended it meanwhile
                suppressions_end([row], Suppression.Why.EXPIRED, SYSTEM)


def guard_settings(guard: str, kept_back: KeptBack) -> Settings:
    """Return the settings of a guard of this kind.

    Raises:
        GuardError: no pattern can be made of a text.
    """
    if guard == Suppression.Guard.PROMPT_GUARD:
        return PromptSettings(kept_back.instruction)
    patterns = [person_pattern(line) for line in kept_back.names]
    if kept_back.phrases:
        patterns.append(Pattern("normalised", Texts(kept_back.phrases)))
    if kept_back.passages:
        patterns.append(Pattern("near_copy", copies_of(kept_back.passages)))
    return FilterSettings(tuple(patterns), REFUSALS[guard])


def last_day_problem(until: date) -> str:
    """Return why a suppression cannot act until this day; empty if it can."""
    today = timezone.localdate()
    if not today < until <= today + timedelta(days=MOST_DAYS):
        return _("Choose a day within the next %(most)d days.") % {"most": MOST_DAYS}
    return ""


def _settings(suppression: Suppression) -> Settings:
    return Guard.from_json(json.loads(suppression.artefact)).settings


def _active(suppression: Suppression) -> Suppression:
    row = Suppression.objects.select_for_update(no_key=True).select_related("request").get(pk=suppression.pk)
    if row.ended_at is not None:
        raise StaleStateError(_("This suppression has ended."))
    return row
