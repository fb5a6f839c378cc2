"""Creates and changes accounts, each time with an entry in the record."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from compliance.formats.record_kinds import RecordKind
from compliance.record.services import record_append

from .models import Account


@transaction.atomic
def account_create(*, username: str, password: str, role: str, actor: str, email: str = "") -> Account:
    """Create an account for a member of staff.

    Raises:
        ValidationError: the name is taken, the role unknown, or the password too weak.
    """
    account = Account(username=username, email=email, role=role)
    # full_clean() sees only the hash, so the password itself is checked before it is hashed.
    validate_password(password, account)
    account.set_password(password)
    account.full_clean()
    account.save()
    record_append(subject=account.opaque, kind=RecordKind.ACCOUNT_CREATED, actor=actor, data={"role": role})
    return account


@transaction.atomic
def account_email_set(*, username: str, email: str, actor: str) -> Account:
    """Set the address to which links go that let a new browser sign in. The record says that it changed, not to what.

    Raises:
        Account.DoesNotExist: there is no account with this name.
        ValidationError: that is no e-mail address.
    """
    account = Account.objects.select_for_update(no_key=True).get(username=username)
    account.email = email
    account.full_clean()
    account.save()
    # Links that went to the former address end with it.
    account.browser_links.all().delete()
    record_append(subject=account.opaque, kind=RecordKind.ACCOUNT_EMAIL_SET, actor=actor, data={"has_address": bool(email)})
    return account
