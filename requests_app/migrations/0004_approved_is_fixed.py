"""What was approved stays as it was approved, and a verdict as it was given, through whatever door a change comes.

ENABLE ALWAYS keeps the triggers on under session_replication_role = replica. A later migration that must rewrite such a row
disables the trigger for itself.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION proposal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER proposal_approved_is_fixed BEFORE UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (OLD.approved_by_id IS NOT NULL AND
        (NEW.id, NEW.item_id, NEW.number, NEW.base_id, NEW.method, NEW.protocol, NEW.protocol_sha256,
         NEW.proposed_by_id, NEW.approved_by_id, NEW.approved_at)
        IS DISTINCT FROM
        (OLD.id, OLD.item_id, OLD.number, OLD.base_id, OLD.method, OLD.protocol, OLD.protocol_sha256,
         OLD.proposed_by_id, OLD.approved_by_id, OLD.approved_at))
    EXECUTE FUNCTION proposal_refuse_change();

CREATE TRIGGER proposal_job_is_fixed BEFORE UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (OLD.job_id IS NOT NULL AND NEW.job_id IS DISTINCT FROM OLD.job_id)
    EXECUTE FUNCTION proposal_refuse_change();

CREATE TRIGGER proposal_verdict_is_fixed BEFORE UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (OLD.verdict <> '' AND NEW.verdict IS DISTINCT FROM OLD.verdict)
    EXECUTE FUNCTION proposal_refuse_change();

CREATE TRIGGER proposal_approved_is_kept BEFORE DELETE ON requests_app_proposal FOR EACH ROW
    WHEN (OLD.approved_by_id IS NOT NULL)
    EXECUTE FUNCTION proposal_refuse_change();

CREATE TRIGGER proposal_table_is_kept BEFORE TRUNCATE ON requests_app_proposal FOR EACH STATEMENT
    EXECUTE FUNCTION proposal_refuse_change();

ALTER TABLE requests_app_proposal ENABLE ALWAYS TRIGGER proposal_approved_is_fixed;
ALTER TABLE requests_app_proposal ENABLE ALWAYS TRIGGER proposal_job_is_fixed;
ALTER TABLE requests_app_proposal ENABLE ALWAYS TRIGGER proposal_verdict_is_fixed;
ALTER TABLE requests_app_proposal ENABLE ALWAYS TRIGGER proposal_approved_is_kept;
ALTER TABLE requests_app_proposal ENABLE ALWAYS TRIGGER proposal_table_is_kept;
"""

DROP = "DROP FUNCTION proposal_refuse_change() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0003_example_ids")]
    operations = [migrations.RunSQL(CREATE, DROP)]
