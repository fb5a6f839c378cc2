"""What a model version was trained without stays as it was registered, and so does the state of the ledger then."""

from django.db import migrations

OF_A_VERSION = ("id", "name", "number", "snapshot_id", "recipe_id", "seed", "parent_id", "steps", "digest")
SINCE_NOW = (*OF_A_VERSION, "left_out", "ledger_sha256")


def fixed(columns: tuple[str, ...]) -> str:
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"""
DROP TRIGGER model_version_is_fixed ON unlearning_jobs_modelversion;
CREATE TRIGGER model_version_is_fixed BEFORE UPDATE ON unlearning_jobs_modelversion FOR EACH ROW
    WHEN (({new}) IS DISTINCT FROM ({old})) EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_modelversion ENABLE ALWAYS TRIGGER model_version_is_fixed;
"""


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0012_indexes")]
    operations = [migrations.RunSQL(fixed(SINCE_NOW), fixed(OF_A_VERSION))]
