"""Creates accounts and changes their roles; each change is an entry in the record."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.record.services import record_append

from .errors import NotAllowedError
from .models import Account


@transaction.atomic
def account_create(*, username: str, password: str, role: str, actor: str, email: str = "") -> Account:
    """A new account for a member of staff.

    Raises:
        ValidationError: the name is taken, the role unknown, or the password too weak.
    """
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
