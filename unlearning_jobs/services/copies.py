"""Registers copies and descendants of models and corpora, and retires them when they are gone (docs/copies.md).

Both hold the erasure ledger's lock, as a release does: so a release names every copy that there is as it commits.
"""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.accounts.roles import Act
from compliance.formats.checks import SHA256
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from unlearning_jobs.models import Copy, CorpusSnapshot, ModelVersion

from .ledger import ledger_lock

LONGEST_PLACE: Final = 500
Origin = ModelVersion | CorpusSnapshot | Copy
"""What a copy can be of."""


@transaction.atomic
def copy_register(
    *,
    name: str,
    kind: str,
    of: Origin,
    place: str,
    by: Account | None,
    sha256: str = "",
    discovered: bool = False,
) -> Copy:
    """Register a copy or descendant of a model version, of a snapshot or of another copy.

    Of a copy that is retired, one can be registered as well: what was made from it may be there still, and is found later.

    Args:
        name: its name, which no other has.
        kind: one of `Copy.Kind`.
        of: what it was made from.
        place: where it is, in words for staff.
        by: the engineer; None on the command line.
        sha256: digest of its file, if it is known.
        discovered: whether Lethe found it itself.

    Raises:
        NotAllowedError: `by` is no engineer.
        StaleStateError: another copy has the name, or the same was discovered before.
        ValidationError: a field is missing, too long, or says nothing that is known.
    """
    _require_engineer(by)
    given: dict[str, Any] = {"name": name, "kind": kind, "place": place.strip(), "sha256": sha256, "discovered": discovered}
    copy = Copy(**given, **_origin(of), registered_by=by)
    copy.clean_fields(exclude={"version", "snapshot", "parent", "registered_by", "retired_by", "retired_at"})
    if len(copy.place) > LONGEST_PLACE:
        raise ValidationError(_("Say in %(most)d characters at most where it is.") % {"most": LONGEST_PLACE})
    if sha256 and not SHA256.fullmatch(sha256):
        raise ValidationError(_("A SHA-256 has 64 digits from 0 to 9 and a to f."))
    ledger_lock()  # a release is before it, or names it
    if Copy.objects.filter(name=name).exists():
        raise StaleStateError(_("There is another copy “%(name)s”. Choose another name.") % {"name": name})
    same = Copy.objects.filter(version=copy.version, place=copy.place, discovered=True, retired_at=None)
    if discovered and same.exists():
        raise StaleStateError(_("This is registered already."))
    copy.save(force_insert=True)
    data = {
        "copy": copy.pk,
        "copy_kind": copy.kind,
        "of_sha256": copy.root.digest,
        "parent": copy.parent_id or 0,
        "copy_sha256": copy.sha256,
        "discovered": discovered,
    }
    record_append(subject=copy.subject, kind=RecordKind.COPY_REGISTERED, actor=_actor(by), data=data)
    return copy


@transaction.atomic
def copy_retire(*, copy: Copy, by: Account | None) -> Copy:
    """Note that a copy is gone. What was made from it stays registered, and a request that has to settle it still has to.

    Raises:
        NotAllowedError: `by` is no engineer.
        StaleStateError: it is retired already.
    """
    _require_engineer(by)
    ledger_lock()  # a release that has named it is before it
    row = Copy.objects.select_for_update(no_key=True, of=("self",)).get(pk=copy.pk)
    if row.retired_at is not None:
        raise StaleStateError(_("This copy is retired already."))
    row.retired_at, row.retired_by = timezone.now(), by
    row.save(update_fields=["retired_at", "retired_by"])
    record_append(subject=row.subject, kind=RecordKind.COPY_RETIRED, actor=_actor(by), data={"copy": row.pk})
    return row


def _origin(of: Origin) -> dict[str, Origin]:
    names: dict[type[Origin], str] = {ModelVersion: "version", CorpusSnapshot: "snapshot", Copy: "parent"}
    return {names[type(of)]: of}


def _require_engineer(by: Account | None) -> None:
    if by is not None and not by.may(Act.MANAGE_MODELS):
        raise NotAllowedError(_("Only an engineer can register or retire copies."))


def _actor(by: Account | None) -> str:
    return by.opaque if by else SYSTEM
