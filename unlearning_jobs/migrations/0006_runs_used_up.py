"""Jobs that failed before carry the new name of the error code. The record keeps the old one: it is never rewritten."""

from django.db import migrations

OLD, NEW = "attempts_used_up", "runs_used_up"


def rename(apps, old, new):
    apps.get_model("unlearning_jobs", "Job").objects.filter(error_code=old).update(error_code=new)


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0005_job_runs")]
    operations = [
        migrations.RunPython(
            lambda apps, _editor: rename(apps, OLD, NEW),
            lambda apps, _editor: rename(apps, NEW, OLD),
        )
    ]
