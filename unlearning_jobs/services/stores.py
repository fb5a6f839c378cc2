"""Registers data stores that documents can be erased from, and retires them (docs/stores.md). Operators do, by commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import DataStore
from unlearning_jobs.stores import checked_description, description_digest


@transaction.atomic
def store_register(*, name: str, description: Mapping[str, Any]) -> DataStore:
    """Register a data store, or describe a registered one anew. The same name and description are the same store.

    Erasures that were ordered before keep the description that they were ordered with.

    Raises:
        StaleStateError: it is retired.
        ValidationError: the name is none, the description describes no store, or it holds a secret.
    """
    try:
        described = checked_description(description)
    except SpecError as error:
        raise ValidationError(str(error)) from error
    digest = description_digest(described)
    new = DataStore(name=name, description=described, digest=digest)
    new.clean_fields(exclude={"retired_at"})
    row = DataStore.objects.select_for_update(no_key=True).filter(name=name).first()
    if row is not None:
        if row.retired_at is not None:
            raise StaleStateError(_("The store “%(name)s” is retired. Choose another name.") % {"name": name})
        if row.digest == digest:
            return row
        row.description, row.digest = described, digest
        row.save(update_fields=["description", "digest"])
    else:
        row = new
        row.save(force_insert=True)
    record_append(subject=row.subject, kind=RecordKind.STORE_REGISTERED, actor=SYSTEM, data={"store_sha256": digest})
    return row


@transaction.atomic
def store_retire(*, store: DataStore) -> DataStore:
    """Note that a store is gone. Nothing more can be ordered in it; what was ordered before goes on.

    Raises:
        StaleStateError: it is retired already.
    """
    row = DataStore.objects.select_for_update(no_key=True).get(pk=store.pk)
    if row.retired_at is not None:
        raise StaleStateError(_("This store is retired already."))
    row.retired_at = timezone.now()
    row.save(update_fields=["retired_at"])
    data = {"store_sha256": row.digest}
    record_append(subject=row.subject, kind=RecordKind.STORE_RETIRED, actor=SYSTEM, data=data)
    return row
