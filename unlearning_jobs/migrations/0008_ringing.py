"""Nobody is rung for twice without need."""

from django.db import migrations, models

import unlearning_jobs.ringing


def rung(model):
    return [
        migrations.AddField(model, "ring_at", models.DateTimeField(default=unlearning_jobs.ringing.first_ring)),
        migrations.AddField(model, "rings", models.PositiveSmallIntegerField(default=0)),
    ]


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0007_jobs_are_fixed")]
    operations = [*rung("job"), *rung("modelversion")]
