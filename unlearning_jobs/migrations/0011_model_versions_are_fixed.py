"""What a model version, a corpus or a recipe is never changes, and a job that has ended stays as it ended.

ENABLE ALWAYS keeps the triggers on under session_replication_role = replica. A later migration that must rewrite such a row
disables the trigger for itself.
"""

from django.db import migrations

TRIGGERS = {
    "unlearning_jobs_modelversion": [
        "model_version_is_fixed",
        "model_version_files_are_fixed",
        "model_version_stays_destroyed",
        "model_version_is_kept",
    ],
    "unlearning_jobs_corpussnapshot": ["snapshot_is_fixed", "snapshot_is_kept"],
    "unlearning_jobs_registeredrecipe": ["recipe_is_fixed", "recipe_is_kept"],
    "unlearning_jobs_job": ["job_stays_ended"],
}

CREATE = """
CREATE TRIGGER model_version_is_fixed BEFORE UPDATE ON unlearning_jobs_modelversion FOR EACH ROW
    WHEN ((NEW.id, NEW.name, NEW.number, NEW.snapshot_id, NEW.recipe_id, NEW.seed, NEW.parent_id, NEW.steps, NEW.digest)
        IS DISTINCT FROM
          (OLD.id, OLD.name, OLD.number, OLD.snapshot_id, OLD.recipe_id, OLD.seed, OLD.parent_id, OLD.steps, OLD.digest))
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER model_version_files_are_fixed BEFORE UPDATE ON unlearning_jobs_modelversion FOR EACH ROW
    WHEN (NEW.path IS DISTINCT FROM OLD.path AND NOT (NEW.path = '' AND NEW.state = 'destroyed'))
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER model_version_stays_destroyed BEFORE UPDATE ON unlearning_jobs_modelversion FOR EACH ROW
    WHEN (OLD.state = 'destroyed' AND NEW.state <> 'destroyed')
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER model_version_is_kept BEFORE DELETE ON unlearning_jobs_modelversion FOR EACH ROW
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER snapshot_is_fixed BEFORE UPDATE ON unlearning_jobs_corpussnapshot FOR EACH ROW
    WHEN ((NEW.id, NEW.corpus_id, NEW.digest, NEW.merkle_root, NEW.path)
        IS DISTINCT FROM (OLD.id, OLD.corpus_id, OLD.digest, OLD.merkle_root, OLD.path))
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER snapshot_is_kept BEFORE DELETE ON unlearning_jobs_corpussnapshot FOR EACH ROW
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER recipe_is_fixed BEFORE UPDATE ON unlearning_jobs_registeredrecipe FOR EACH ROW
    WHEN ((NEW.id, NEW.digest, NEW.body) IS DISTINCT FROM (OLD.id, OLD.digest, OLD.body))
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER recipe_is_kept BEFORE DELETE ON unlearning_jobs_registeredrecipe FOR EACH ROW
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER job_stays_ended BEFORE UPDATE ON unlearning_jobs_job FOR EACH ROW
    WHEN (OLD.state IN ('failed', 'cancelled') AND (NEW.state, NEW.verdict, NEW.output, NEW.result_version_id)
        IS DISTINCT FROM (OLD.state, OLD.verdict, OLD.output, OLD.result_version_id))
    EXECUTE FUNCTION job_refuse_change();
""" + "".join(
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};\n" for table, names in TRIGGERS.items() for trigger in names
)

DROP = "".join(f"DROP TRIGGER {trigger} ON {table};\n" for table, names in TRIGGERS.items() for trigger in names)


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0010_erasure_ledger")]
    operations = [migrations.RunSQL(CREATE, DROP)]
