"""Mails that fail are tried again for days, and nobody is rung for twice without need."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import unlearning_jobs.ringing


def not_waiting_is_not_due(apps, _schema_editor):
    messages = apps.get_model("requests_app", "Message").objects
    messages.exclude(state="waiting").update(next_attempt_at=None)


def rung(model):
    return [
        migrations.AddField(model, "ring_at", models.DateTimeField(default=unlearning_jobs.ringing.first_ring)),
        migrations.AddField(model, "rings", models.PositiveSmallIntegerField(default=0)),
    ]


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0004_approved_is_fixed")]
    operations = [
        *rung("erasurerequest"),
        *rung("message"),
        *rung("proposal"),
        migrations.AddField(
            "message", "next_attempt_at", models.DateTimeField(default=django.utils.timezone.now, null=True)
        ),
        migrations.RunPython(not_waiting_is_not_due, migrations.RunPython.noop),
        migrations.AddConstraint(
            "message",
            models.CheckConstraint(
                condition=~models.Q(state="waiting") | models.Q(next_attempt_at__isnull=False),
                name="message_waiting_has_next_attempt",
            ),
        ),
        migrations.AddField(
            "accesslink",
            "message",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="links",
                to="requests_app.message",
            ),
        ),
    ]
