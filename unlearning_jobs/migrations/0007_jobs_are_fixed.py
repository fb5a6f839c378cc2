"""What a job is to do never changes, and its result stays as it was completed, through whatever door a change comes.

ENABLE ALWAYS keeps the triggers on under session_replication_role = replica. A later migration that must rewrite such a row
disables the trigger for itself.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION job_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER job_order_is_fixed BEFORE UPDATE ON unlearning_jobs_job FOR EACH ROW
    WHEN ((NEW.id, NEW.kind, NEW.spec, NEW.subject, NEW.item, NEW.attempt, NEW.model_name, NEW.base_id, NEW.snapshot_id,
           NEW.recipe_id)
        IS DISTINCT FROM
          (OLD.id, OLD.kind, OLD.spec, OLD.subject, OLD.item, OLD.attempt, OLD.model_name, OLD.base_id, OLD.snapshot_id,
           OLD.recipe_id))
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER job_result_is_fixed BEFORE UPDATE ON unlearning_jobs_job FOR EACH ROW
    WHEN (OLD.state = 'completed' AND
        (NEW.state, NEW.verdict, NEW.output, NEW.result_version_id)
        IS DISTINCT FROM
        (OLD.state, OLD.verdict, OLD.output, OLD.result_version_id))
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER job_is_kept BEFORE DELETE ON unlearning_jobs_job FOR EACH ROW
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER job_table_is_kept BEFORE TRUNCATE ON unlearning_jobs_job FOR EACH STATEMENT
    EXECUTE FUNCTION job_refuse_change();

ALTER TABLE unlearning_jobs_job ENABLE ALWAYS TRIGGER job_order_is_fixed;
ALTER TABLE unlearning_jobs_job ENABLE ALWAYS TRIGGER job_result_is_fixed;
ALTER TABLE unlearning_jobs_job ENABLE ALWAYS TRIGGER job_is_kept;
ALTER TABLE unlearning_jobs_job ENABLE ALWAYS TRIGGER job_table_is_kept;
"""

DROP = "DROP FUNCTION job_refuse_change() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0006_runs_used_up")]
    operations = [migrations.RunSQL(CREATE, DROP)]
