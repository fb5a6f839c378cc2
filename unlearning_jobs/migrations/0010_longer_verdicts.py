"""A verdict can be a longer word. The type of a column that a trigger names cannot change, so the trigger is set anew."""

from django.db import migrations, models

DROP = "DROP TRIGGER job_result_is_fixed ON unlearning_jobs_job"
CREATE = """
CREATE TRIGGER job_result_is_fixed BEFORE UPDATE ON unlearning_jobs_job FOR EACH ROW
    WHEN (OLD.state = 'completed' AND
        (NEW.state, NEW.verdict, NEW.output, NEW.result_version_id)
        IS DISTINCT FROM
        (OLD.state, OLD.verdict, OLD.output, OLD.result_version_id))
    EXECUTE FUNCTION job_refuse_change();

ALTER TABLE unlearning_jobs_job ENABLE ALWAYS TRIGGER job_result_is_fixed;
"""


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0009_no_heartbeat_time")]
    operations = [
        migrations.RunSQL(DROP, CREATE),
        migrations.AlterField("job", "verdict", models.CharField(blank=True, max_length=30)),
        migrations.RunSQL(CREATE, DROP),
    ]
