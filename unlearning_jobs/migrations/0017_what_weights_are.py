"""What the weights of versions and checkpoints are, so that none come back as a checkpoint or an import.

Rows that there are have empty digests, which are filled in once (`services.weights.weights_note`) and then never change.
"""

from django.db import migrations, models

NOTED = {
    "unlearning_jobs_modelversion": ("weights_sha256", "adapter_sha256"),
    "unlearning_jobs_checkpoint": ("weights_sha256",),
}


def fixed(table: str, column: str) -> str:
    trigger = f"{column}_is_fixed"
    return f"""
CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (OLD.{column} <> '' AND NEW.{column} IS DISTINCT FROM OLD.{column}) EXECUTE FUNCTION job_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
"""


FIXED = "".join(fixed(table, column) for table, columns in NOTED.items() for column in columns)
DROP = "".join(f"DROP TRIGGER {column}_is_fixed ON {table};\n" for table, columns in NOTED.items() for column in columns)


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0016_checkpoints_and_imports")]
    operations = [
        *(
            migrations.AddField(
                model_name=model,
                name=name,
                field=models.CharField(blank=True, db_index=True, default="", max_length=64),
                preserve_default=False,
            )
            for model, name in (
                ("checkpoint", "weights_sha256"),
                ("modelversion", "weights_sha256"),
                ("modelversion", "adapter_sha256"),
            )
        ),
        migrations.RunSQL(FIXED, DROP),
    ]
