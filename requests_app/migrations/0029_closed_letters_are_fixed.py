"""What the letter of a closed request says stays what it was, through whatever door a change comes.

So it is with what it counts and its language, why an answer took longer, what was accepted or rejected, and which search and
ends there were. ENABLE ALWAYS keeps the triggers on under session_replication_role = replica.
"""

from django.db import migrations

FIXED = ("state", "outcome", "closed_at", "received_at", "due_on", "confirmed_at", "reviewed_by_id")
TOLD = ("language", "vocabularies", "from_checkpoints", "declared")
OPEN_ONLY = ("requests_app_search", "requests_app_ending", "requests_app_match")


def closed_is_final(columns: tuple[str, ...]) -> str:
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"""
DROP TRIGGER request_closed_is_final ON requests_app_erasurerequest;
CREATE TRIGGER request_closed_is_final BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN (OLD.state = 'closed' AND ({new}) IS DISTINCT FROM ({old})) EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_closed_is_final;
"""


CREATE = """
-- On its own, because who encrypts the reasons again must turn it off.
CREATE TRIGGER request_extension_reasons_are_fixed BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN (OLD.extended_at IS NOT NULL AND NEW.extension_reasons IS DISTINCT FROM OLD.extension_reasons)
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_extension_reasons_are_fixed;

CREATE FUNCTION case_refuse_once_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_erasurerequest request
               WHERE request.state = 'closed'
                 AND request.id = CASE WHEN TG_OP = 'INSERT' THEN NEW.request_id ELSE OLD.request_id END) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER match_of_closed_is_fixed BEFORE UPDATE ON requests_app_match FOR EACH ROW
    WHEN ((NEW.request_id, NEW.snapshot_id, NEW.example_id, NEW.decision, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM
          (OLD.request_id, OLD.snapshot_id, OLD.example_id, OLD.decision, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION case_refuse_once_closed();
ALTER TABLE requests_app_match ENABLE ALWAYS TRIGGER match_of_closed_is_fixed;

CREATE TRIGGER match_of_closed_is_kept BEFORE DELETE ON requests_app_match FOR EACH ROW
    EXECUTE FUNCTION case_refuse_once_closed();
ALTER TABLE requests_app_match ENABLE ALWAYS TRIGGER match_of_closed_is_kept;
""" + "".join(
    f"""
CREATE TRIGGER case_is_open BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION case_refuse_once_closed();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER case_is_open;
"""
    for table in OPEN_ONLY
)
DROP = """
DROP TRIGGER request_extension_reasons_are_fixed ON requests_app_erasurerequest;
DROP FUNCTION case_refuse_once_closed() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0028_models_made_elsewhere")]
    operations = [
        migrations.RunSQL(closed_is_final((*FIXED, *TOLD)), closed_is_final(FIXED)),
        migrations.RunSQL(CREATE, DROP),
    ]
