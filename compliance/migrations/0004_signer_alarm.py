from importlib import import_module

from django.db import migrations, models

TABLE = "compliance_signeralarm"
triggers = import_module("compliance.migrations.0002_append_only").triggers


class Migration(migrations.Migration):
    dependencies = [("compliance", "0003_signed_checkpoint")]
    operations = [
        migrations.CreateModel(
            name="SignerAlarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(choices=[("raised", "Raised"), ("cleared", "Cleared")], max_length=10)),
                ("reason", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["raised", "cleared"])), name="signer_alarm_state_known"
                    )
                ],
            },
        ),
        migrations.RunSQL(triggers(TABLE), migrations.RunSQL.noop),
    ]
