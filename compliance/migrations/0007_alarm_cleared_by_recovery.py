"""An alarm counts as cleared only if a recovery is on record for it, through whatever door the row comes.

The signing process asks its own file anyway (`compliance/record/head.py`); pages and releases read this table. ENABLE ALWAYS
keeps the trigger on under session_replication_role = replica.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION alarm_check_recovery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM compliance_signeralarm WHERE state = 'cleared')
        > (SELECT count(*) FROM compliance_recordentry WHERE kind = 'log.recovered')
    THEN
        RAISE EXCEPTION 'alarm_cleared_by_recovery: no recovery is on record for this.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'alarm_cleared_by_recovery';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER alarm_cleared_by_recovery AFTER INSERT ON compliance_signeralarm
    FOR EACH ROW WHEN (NEW.state = 'cleared') EXECUTE FUNCTION alarm_check_recovery();
ALTER TABLE compliance_signeralarm ENABLE ALWAYS TRIGGER alarm_cleared_by_recovery;
"""
DROP = "DROP FUNCTION alarm_check_recovery() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("compliance", "0006_role_is_fixed")]
    operations = [migrations.RunSQL(CREATE, DROP)]
