"""What officers decided stays as they decided it once something rests on it, through whatever door a change comes.

ENABLE ALWAYS keeps the triggers on under session_replication_role = replica. A later migration that must rewrite such a row
disables the trigger for itself.
"""

from django.db import migrations

TRIGGERS = {
    "requests_app_erasurerequest": ["request_reference_is_fixed"],
    "requests_app_item": ["item_is_fixed", "item_approved_is_fixed", "item_settled_is_fixed", "item_is_kept"],
    "requests_app_match": ["match_approved_is_fixed", "match_approved_is_kept", "match_table_is_kept"],
    "requests_app_proposal": ["proposal_release_is_fixed", "proposal_decline_is_fixed"],
}

CREATE = """
CREATE FUNCTION decision_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE FUNCTION item_refuse_change_once_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_proposal proposal
               WHERE proposal.item_id = OLD.id AND proposal.approved_by_id IS NOT NULL) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;

-- Only the matches in the corpus of an approved item: others may still be decided.
CREATE FUNCTION match_refuse_change_once_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_proposal proposal
               JOIN requests_app_item item ON item.id = proposal.item_id
               WHERE item.request_id = OLD.request_id AND item.snapshot_id = OLD.snapshot_id
                 AND proposal.approved_by_id IS NOT NULL) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER request_reference_is_fixed BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN ((NEW.id, NEW.reference) IS DISTINCT FROM (OLD.id, OLD.reference))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER item_is_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN ((NEW.id, NEW.request_id, NEW.number, NEW.model_name, NEW.snapshot_id)
        IS DISTINCT FROM (OLD.id, OLD.request_id, OLD.number, OLD.model_name, OLD.snapshot_id))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER item_approved_is_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN ((NEW.example_ids, NEW.ground, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM (OLD.example_ids, OLD.ground, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION item_refuse_change_once_approved();

CREATE TRIGGER item_settled_is_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN (OLD.state IN ('released', 'refused') AND (NEW.example_ids, NEW.ground, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM (OLD.example_ids, OLD.ground, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER item_is_kept BEFORE DELETE ON requests_app_item FOR EACH ROW
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER match_approved_is_fixed BEFORE UPDATE ON requests_app_match FOR EACH ROW
    WHEN ((NEW.id, NEW.request_id, NEW.snapshot_id, NEW.example_id, NEW.decision, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM
          (OLD.id, OLD.request_id, OLD.snapshot_id, OLD.example_id, OLD.decision, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION match_refuse_change_once_approved();

CREATE TRIGGER match_approved_is_kept BEFORE DELETE ON requests_app_match FOR EACH ROW
    EXECUTE FUNCTION match_refuse_change_once_approved();

CREATE TRIGGER match_table_is_kept BEFORE TRUNCATE ON requests_app_match FOR EACH STATEMENT
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER proposal_release_is_fixed BEFORE UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (OLD.released_by_id IS NOT NULL AND
        (NEW.released_by_id, NEW.released_at) IS DISTINCT FROM (OLD.released_by_id, OLD.released_at))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER proposal_decline_is_fixed BEFORE UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (OLD.declined_by_id IS NOT NULL AND
        (NEW.declined_by_id, NEW.declined_at, NEW.approved_by_id)
        IS DISTINCT FROM (OLD.declined_by_id, OLD.declined_at, OLD.approved_by_id))
    EXECUTE FUNCTION decision_refuse_change();
""" + "".join(
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};\n" for table, names in TRIGGERS.items() for trigger in names
)

DROP = """
DROP FUNCTION decision_refuse_change() CASCADE;
DROP FUNCTION item_refuse_change_once_approved() CASCADE;
DROP FUNCTION match_refuse_change_once_approved() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0008_two_officers_end_a_case")]
    operations = [migrations.RunSQL(CREATE, DROP)]
