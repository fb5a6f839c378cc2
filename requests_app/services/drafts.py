"""Unsent answers: kept encrypted until they are discarded, or nobody has touched them for two hours."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from requests_app.models import UnsentAnswers

KEPT_FOR = timedelta(hours=2)


def unsent_save(*, key: str, sealed: bytes) -> None:
    """Keep the answers under this key for two hours from now."""
    UnsentAnswers.objects.update_or_create(key=key, defaults={"sealed": sealed, "touched_at": timezone.now()})


def unsent_load(*, key: str) -> bytes | None:
    row = UnsentAnswers.objects.filter(key=key, touched_at__gt=timezone.now() - KEPT_FOR).first()
    return bytes(row.sealed) if row else None


def unsent_delete(*, key: str) -> None:
    UnsentAnswers.objects.filter(key=key).delete()


def unsent_expire() -> None:
    """Delete what nobody has touched for two hours."""
    UnsentAnswers.objects.filter(touched_at__lte=timezone.now() - KEPT_FOR).delete()
