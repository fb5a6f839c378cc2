"""The look-up index of e-mail addresses: derived from the encrypted addresses, so it can be made again at any time."""

from __future__ import annotations

from django.db import transaction

from compliance.encryption import keyed_index
from requests_app.models import ErasureRequest

PURPOSE = "email"


def email_index_of(email: str) -> str:
    """Return what an address is looked up by."""
    return keyed_index(email, PURPOSE)


@transaction.atomic
def email_index_rebuild() -> int:
    """Compute the index of every request again, after INDEX_KEY has changed; return how many differed.

    It derives from the addresses and changes no case, so it has no entry in the record.

    Raises:
        DecryptionError: an address cannot be decrypted; nothing is changed.
    """
    changed = 0
    for request in ErasureRequest.objects.only("pk", "email", "email_index").order_by("pk"):
        index = email_index_of(request.email)
        if request.email_index != index:
            ErasureRequest.objects.filter(pk=request.pk).update(email_index=index)
            changed += 1
    return changed
