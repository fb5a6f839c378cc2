"""Changes of the record and of accounts. Every other service writes its record entry through `record_append`."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from .evidence.merkle import leaf_hash, nodes_completed_by
from .evidence.record import EntryBody, leaf_bytes
from .models import Account, RecordEntry, RecordLeaf, RecordNode

SYSTEM = "system"
CLAIMANT = "claimant"


class NotAllowedError(Exception):
    """This account may not do this; the message says why and is shown to the person."""


class StaleStateError(Exception):
    """Somebody else was faster, or the thing is not in a state in which this can be done."""


@transaction.atomic
def record_append(*, subject: str, kind: str, actor: str, data: Mapping[str, object]) -> RecordEntry:
    """Appends one entry about `subject`, in the caller's transaction.

    Args:
        subject: opaque reference, such as `request:LE-7KQ4-M2XD`.
        kind: what happened, such as `proposal.approved`.
        actor: `account:<id>`, `claimant` or `system`.
        data: digests and opaque values only.

    Raises:
        EvidenceError: `data` lacks what its kind needs, or holds something that looks like an e-mail address.
    """
    number = record_number_next(subject)
    last = RecordEntry.objects.filter(subject=subject, number=number - 1).first()
    # The clock of a machine may be set back; the times of a subject's entries never are.
    now = max(timezone.now(), last.created_at) if last else timezone.now()
    body = EntryBody.of(subject=subject, number=number, kind=kind, at=now, actor=actor, data=dict(data))
    return RecordEntry.objects.create(subject=subject, number=number, kind=kind, body=leaf_bytes(body), created_at=now)


def record_number_next(subject: str) -> int:
    """The number that the subject's next entry gets; nobody else gets one until the current transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"record:{subject}"])
    return (RecordEntry.objects.filter(subject=subject).aggregate(last=Max("number"))["last"] or 0) + 1


@transaction.atomic
def record_sequence() -> int:
    """Gives every committed entry without a place its index in the log; returns the size of the log.

    Runs in the signing process before a checkpoint. One at a time, so indices have no gaps.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('record-sequence', 0))")
    last = RecordLeaf.objects.aggregate(last=Max("index"))["last"]
    size = 0 if last is None else last + 1
    for entry in RecordEntry.objects.filter(leaf__isnull=True).order_by("id").iterator():
        RecordLeaf.objects.create(index=size, entry=entry)
        for level, index, digest in nodes_completed_by(size, leaf_hash(bytes(entry.body)), node_hash_stored):
            RecordNode.objects.create(level=level, index=index, hash=digest)
        size += 1
    return size


def node_hash_stored(level: int, index: int) -> bytes:
    """The stored hash of a complete subtree."""
    return bytes(RecordNode.objects.values_list("hash", flat=True).get(level=level, index=index))


@transaction.atomic
def account_create(*, username: str, password: str, role: str, actor: str, email: str = "") -> Account:
    """A new account for a member of staff.

    Raises:
        ValidationError: the name is taken, the role unknown, or the password too weak.
    """
    from django.contrib.auth.password_validation import validate_password

    account = Account(username=username, email=email, role=role)
    validate_password(password, account)
    account.set_password(password)
    account.full_clean()
    account.save()
    record_append(subject=account.opaque, kind="account.created", actor=actor, data={"role": role})
    return account


@transaction.atomic
def account_role_change(*, account: Account, role: str, by: Account) -> Account:
    """Gives an account another role; only an administrator does, and never to themselves.

    Raises:
        NotAllowedError: `by` is no administrator, or is the account itself.
        ValidationError: the role is unknown.
    """
    if by.role != Account.Role.ADMINISTRATOR or by.pk == account.pk:
        raise NotAllowedError(_("Only another administrator can change a role."))
    if role not in Account.Role.values:
        raise ValidationError(_("There is no role “%(role)s”."), params={"role": role})
    before = account.role
    account.role = role
    account.save(update_fields=["role"])
    record_append(
        subject=account.opaque, kind="account.role_changed", actor=by.opaque, data={"before": before, "after": role}
    )
    return account
