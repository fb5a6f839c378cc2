"""An account keeps the role with which the record says that it was created; another role is another account."""

from django.db import migrations

CREATE = """
CREATE FUNCTION account_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;
CREATE TRIGGER account_role_is_fixed BEFORE UPDATE ON compliance_account FOR EACH ROW
    WHEN ((NEW.id, NEW.role) IS DISTINCT FROM (OLD.id, OLD.role))
    EXECUTE FUNCTION account_refuse_change();
ALTER TABLE compliance_account ENABLE ALWAYS TRIGGER account_role_is_fixed;
"""

DROP = "DROP FUNCTION account_refuse_change() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_sign_in_count")]
    operations = [migrations.RunSQL(CREATE, DROP)]
