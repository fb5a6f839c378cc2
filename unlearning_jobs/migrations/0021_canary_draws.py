"""Draws of canaries. What was drawn stays, is opened once, and is never deleted."""

import django.db.models.deletion
from django.db import migrations, models

import compliance.encryption

TABLE = "unlearning_jobs_canarydraw"
DRAWN = ("id", "model_name", "number", "snapshot_id", "ids", "commitment", "drawn_at")
OPENED = ("opened_at", "opened_for_id", "judgement")


def _changed(columns: tuple[str, ...]) -> str:
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"({new}) IS DISTINCT FROM ({old})"


def _trigger(name: str, event: str, condition: str = "") -> str:
    return f"""
CREATE TRIGGER {name} BEFORE {event} ON {TABLE} FOR EACH ROW {condition} EXECUTE FUNCTION job_refuse_change();
ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {name};
"""


# The secret is not among what is fixed: it is encrypted again under another key.
FIXED = "".join(
    (
        _trigger("canary_draw_is_fixed", "UPDATE", f"WHEN ({_changed(DRAWN)})"),
        _trigger(
            "canary_draw_has_one_job",
            "UPDATE",
            "WHEN (OLD.job_id IS NOT NULL AND NEW.job_id IS DISTINCT FROM OLD.job_id)",
        ),
        _trigger("canary_draw_opens_once", "UPDATE", f"WHEN (OLD.opened_at IS NOT NULL AND {_changed(OPENED)})"),
        _trigger("canary_draw_is_kept", "DELETE"),
    )
)
DROP = "".join(
    f"DROP TRIGGER {name} ON {TABLE};\n"
    for name in ("canary_draw_is_fixed", "canary_draw_has_one_job", "canary_draw_opens_once", "canary_draw_is_kept")
)


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0020_behavioural_models")]
    operations = [
        migrations.CreateModel(
            name="CanaryDraw",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model_name", models.SlugField(max_length=40)),
                ("number", models.PositiveIntegerField()),
                ("ids", models.JSONField()),
                ("secret", compliance.encryption.EncryptedTextField(blank=True, default="")),
                ("commitment", models.CharField(max_length=64, unique=True)),
                ("drawn_at", models.DateTimeField(auto_now_add=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("judgement", models.JSONField(default=dict)),
                (
                    "job",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draw",
                        to="unlearning_jobs.job",
                    ),
                ),
                (
                    "opened_for",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draws_opened",
                        to="unlearning_jobs.modelversion",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draws",
                        to="unlearning_jobs.corpussnapshot",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("model_name", "number"), name="canary_draw_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("judgement", {}), ("opened_at", None), ("opened_for", None)),
                            models.Q(
                                ("opened_at__isnull", False),
                                ("opened_for__isnull", False),
                                models.Q(("judgement", {}), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="canary_draw_opened_in_full",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FIXED, DROP),
    ]
