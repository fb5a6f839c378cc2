from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from compliance.accounts.models import Account
from compliance.accounts.services import account_create
from compliance.record.models import RecordEntry
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_weak_password_is_refused() -> None:
    with pytest.raises(ValidationError):
        account_create(username="omar", password="omar", role="officer", actor="system")
    assert not Account.objects.exists()


def test_an_account_stands_in_the_record_without_its_name() -> None:
    account = account_create(username="omar", password=PASSWORD, role="officer", actor="system")
    entry = RecordEntry.objects.get(subject=account.opaque)

    assert b"omar" not in bytes(entry.body)
