"""All digests by which weights are recognised: of the model and of each adapter, rounded to bfloat16 and to float16.

What was noted before stays; the rest is added from files that are there still (`services.weights.weights_note`).
"""

import django.contrib.postgres.fields
from django.db import migrations, models

TABLES = ("unlearning_jobs_modelversion", "unlearning_jobs_checkpoint")
KEEP = """
UPDATE unlearning_jobs_modelversion SET weights_digests = array_remove(ARRAY[weights_sha256, adapter_sha256], '');
UPDATE unlearning_jobs_checkpoint SET weights_digests = array_remove(ARRAY[weights_sha256], '');
DROP TRIGGER adapter_sha256_is_fixed ON unlearning_jobs_modelversion;
"""
AGAIN = """
CREATE TRIGGER adapter_sha256_is_fixed BEFORE UPDATE ON unlearning_jobs_modelversion FOR EACH ROW
    WHEN (OLD.adapter_sha256 <> '' AND NEW.adapter_sha256 IS DISTINCT FROM OLD.adapter_sha256)
    EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_modelversion ENABLE ALWAYS TRIGGER adapter_sha256_is_fixed;
"""
FIXED = "".join(
    f"""
CREATE TRIGGER weights_digests_are_fixed BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (OLD.weights_digests <> '{{}}' AND NEW.weights_digests IS DISTINCT FROM OLD.weights_digests)
    EXECUTE FUNCTION job_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER weights_digests_are_fixed;
"""
    for table in TABLES
)
DROP = "".join(f"DROP TRIGGER weights_digests_are_fixed ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0017_what_weights_are")]
    operations = [
        *(
            migrations.AddField(
                model_name=model,
                name="weights_digests",
                field=django.contrib.postgres.fields.ArrayField(
                    base_field=models.CharField(max_length=64), default=list, size=None
                ),
            )
            for model in ("checkpoint", "modelversion")
        ),
        migrations.RunSQL(KEEP, AGAIN),
        migrations.RemoveField(model_name="modelversion", name="adapter_sha256"),
        migrations.RunSQL(FIXED, DROP),
    ]
