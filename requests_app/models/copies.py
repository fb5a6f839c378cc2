"""What became of copies of a model or corpus, for a request: erased, exempt on a ground of law, or beyond use for a time."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from requests_app.states import Ground
from unlearning_jobs.models import Copy

from .requests import ErasureRequest


class CopySettlement(models.Model):
    """What an officer said of a copy for a request. The latest counts; only what is beyond use can be settled again."""

    class How(models.TextChoices):
        ERASED = "erased", _("Erased")
        EXEMPT = "exempt", _("Exempt")
        BEYOND_USE = "beyond_use", _("Beyond use")

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="copy_settlements")
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="settlements")
    number = models.PositiveSmallIntegerField()
    """Which one of this copy and request it is, from 1."""
    how = models.CharField(max_length=10, choices=How.choices)
    ground = models.CharField(max_length=10, choices=Ground.choices, blank=True)
    """Of an exempt copy."""
    until = models.DateField(null=True)
    """The last day on which it is beyond use; from the next day on it is unsettled again."""
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "copy", "number"], name="copy_settlement_number_once"),
            models.UniqueConstraint(
                fields=["request", "copy"], condition=~Q(how="beyond_use"), name="copy_settled_for_good_once"
            ),
            models.CheckConstraint(
                name="copy_settlement_in_full",
                condition=Q(how="erased", ground="", until=None)
                | (Q(how="exempt", until=None) & ~Q(ground=""))
                | Q(how="beyond_use", ground="", until__isnull=False),
            ),
        ]
