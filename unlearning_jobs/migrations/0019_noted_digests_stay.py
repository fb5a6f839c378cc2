"""A digest of weights that was noted stays, and others can be added.

So what was known of a version is known even if its files are lost before the other digests could be noted.
"""

from django.db import migrations

TABLES = ("unlearning_jobs_modelversion", "unlearning_jobs_checkpoint")


def _trigger(table: str, changed: str) -> str:
    return f"""
DROP TRIGGER weights_digests_are_fixed ON {table};
CREATE TRIGGER weights_digests_are_fixed BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN ({changed})
    EXECUTE FUNCTION job_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER weights_digests_are_fixed;
"""


STAY = "".join(_trigger(table, "NOT NEW.weights_digests @> OLD.weights_digests") for table in TABLES)
FIXED = "".join(
    _trigger(table, "OLD.weights_digests <> '{}' AND NEW.weights_digests IS DISTINCT FROM OLD.weights_digests")
    for table in TABLES
)
KNOWN = "".join(
    f"UPDATE {table} SET weights_digests = ARRAY[weights_sha256] WHERE weights_digests = '{{}}' AND weights_sha256 <> '';\n"
    for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0018_every_digest_of_weights")]
    operations = [migrations.RunSQL(STAY, FIXED), migrations.RunSQL(KNOWN, migrations.RunSQL.noop)]
