"""The record's tables take INSERT only. ENABLE ALWAYS keeps the triggers on under session_replication_role = replica."""

from django.db import migrations

TABLES = [
    "compliance_recordentry",
    "compliance_recordleaf",
    "compliance_recordnode",
    "compliance_checkpoint",
    "compliance_trustmanifest",
    "compliance_attestation",
]

FUNCTION = """
CREATE FUNCTION record_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The record is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""


def triggers(table: str) -> str:
    return f"""
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION record_refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION record_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_truncate;
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION record_refuse_change() CASCADE"),
        *(migrations.RunSQL(triggers(table), migrations.RunSQL.noop) for table in TABLES),
    ]
