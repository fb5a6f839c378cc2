"""The people of the tests. Ada asks; Omar, Lena and Nils decide, approve, release; Mallory belongs nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from django.test import Client

from compliance.accounts.models import Account
from tests.factories import account

ADA = "Ada Beispiel"
ADA_EMAIL = "ada@example.org"


@dataclass(frozen=True)
class Staff:
    """Everybody with an account. Eva is an engineer, Iris an auditor, Max an administrator."""

    omar: Account
    lena: Account
    nils: Account
    eva: Account
    iris: Account
    max: Account

    @classmethod
    def hired(cls) -> Staff:
        return cls(
            omar=account("officer", "omar"),
            lena=account("officer", "lena"),
            nils=account("officer", "nils"),
            eva=account("engineer", "eva"),
            iris=account("auditor", "iris"),
            max=account("administrator", "max"),
        )

    def mallory(self) -> Account:
        """An officer who has left: the account is closed, the session may not be."""
        mallory = account("officer", "mallory")
        Account.objects.filter(pk=mallory.pk).update(is_active=False)
        mallory.is_active = False
        return mallory


def client_of(who: Account | None) -> Client:
    """A browser with this person's session; None has none."""
    client = Client()
    if who is not None:
        client.force_login(who)
    return client
