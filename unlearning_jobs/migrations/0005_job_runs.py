"""A claim of a job by a worker is a run; an attempt is an approved attempt at an item."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0004_corpus_snapshot_and_registered_recipe")]
    operations = [
        # Constraints name columns, so they go before the columns are renamed.
        migrations.RemoveConstraint("job", "job_attempts_bounded"),
        migrations.RemoveConstraint("jobattempt", "job_attempt_once"),
        migrations.RenameField("job", "attempts", "runs"),
        migrations.RenameField("job", "max_attempts", "max_runs"),
        migrations.RenameField("job", "attempt_of_item", "attempt"),
        migrations.RenameField("job", "took", "costs"),
        migrations.RenameModel("JobAttempt", "JobRun"),
        migrations.AlterField(
            "jobrun",
            "job",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="run_rows", to="unlearning_jobs.job"
            ),
        ),
        migrations.AddConstraint(
            "job",
            models.CheckConstraint(condition=models.Q(("runs__lte", models.F("max_runs"))), name="job_runs_bounded"),
        ),
        migrations.AddConstraint("jobrun", models.UniqueConstraint(fields=("job", "number"), name="job_run_once")),
    ]
