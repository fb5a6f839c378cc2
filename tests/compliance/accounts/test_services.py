from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

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


RAISE_ROLE = "UPDATE compliance_account SET role = 'officer' WHERE username = 'iris'"


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize("role", ["", "SET LOCAL session_replication_role = replica; "], ids=["plain", "replica"])
def test_the_database_refuses_to_raise_a_role(role: str) -> None:
    with pytest.raises(DatabaseError, match="account_role_is_fixed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(role + RAISE_ROLE)
