"""A third way to know what made a version: nobody declared it. What is known of a version still never changes."""

from django.db import migrations, models

COLUMNS = (
    *("id", "name", "number", "snapshot_id", "recipe_id", "seed", "parent_id", "steps", "digest"),
    *("left_out", "ledger_sha256", "assurance"),
)
NEW, OLD = (", ".join(f"{row}.{column}" for column in COLUMNS) for row in ("NEW", "OLD"))
DROP = "DROP TRIGGER model_version_is_fixed ON unlearning_jobs_modelversion;"
"""Its definition names the column, whose type cannot change meanwhile."""
CREATE = f"""
CREATE TRIGGER model_version_is_fixed BEFORE UPDATE ON unlearning_jobs_modelversion FOR EACH ROW
    WHEN (({NEW}) IS DISTINCT FROM ({OLD})) EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_modelversion ENABLE ALWAYS TRIGGER model_version_is_fixed;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('unlearning_jobs', '0019_noted_digests_stay'),
    ]

    operations = [
        migrations.RunSQL(DROP, CREATE),
        migrations.AlterField(
            model_name='modelversion',
            name='assurance',
            field=models.CharField(choices=[('reproduced', 'Trained here by its recipe'), ('declared', 'Trained elsewhere, by a declared recipe'), ('behavioural', 'Trained elsewhere; nobody declared how')], default='reproduced', max_length=12),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
