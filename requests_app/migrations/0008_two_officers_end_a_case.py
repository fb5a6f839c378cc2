"""No end without unlearning by one officer alone, and no search that changes afterwards, through whatever door it comes.

Approver and proposer are in one row and have a check constraint (0007). These triggers look across rows. ENABLE ALWAYS keeps
them on under session_replication_role = replica.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION ending_check_approver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.approved_by_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM requests_app_erasurerequest request WHERE request.id = NEW.request_id AND (
            request.submitted_by_id = NEW.approved_by_id
            OR request.reviewed_by_id = NEW.approved_by_id
            OR EXISTS (SELECT 1 FROM requests_app_match m WHERE m.request_id = request.id
                       AND m.decided_by_id = NEW.approved_by_id))
    ) THEN
        RAISE EXCEPTION 'ending_approver_did_not_map: nobody approves what they submitted or mapped.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ending_approver_did_not_map';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION match_check_ender() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_ending ending
               WHERE ending.request_id = NEW.request_id AND ending.approved_by_id = NEW.decided_by_id) THEN
        RAISE EXCEPTION 'match_mapper_did_not_end: nobody maps where they approved an end.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_mapper_did_not_end';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION item_check_ending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM requests_app_ending ending
                   WHERE ending.item_id = NEW.id AND ending.outcome = 'refused' AND ending.approved_by_id IS NOT NULL) THEN
        RAISE EXCEPTION 'item_refused_by_two: a refusal needs a second officer.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_refused_by_two';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION request_check_ending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.outcome = 'refused' AND NOT EXISTS (
        SELECT 1 FROM requests_app_item item WHERE item.request_id = NEW.id AND item.state = 'refused')
    OR NEW.outcome <> 'refused' AND NOT EXISTS (
        SELECT 1 FROM requests_app_ending ending
        WHERE ending.request_id = NEW.id AND ending.outcome = NEW.outcome AND ending.approved_by_id IS NOT NULL)
    THEN
        RAISE EXCEPTION 'request_ended_by_two: an end without unlearning needs a second officer.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'request_ended_by_two';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION case_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER ending_check_approver BEFORE INSERT OR UPDATE ON requests_app_ending
    FOR EACH ROW EXECUTE FUNCTION ending_check_approver();
CREATE TRIGGER match_check_ender BEFORE INSERT OR UPDATE ON requests_app_match
    FOR EACH ROW WHEN (NEW.decided_by_id IS NOT NULL) EXECUTE FUNCTION match_check_ender();
CREATE TRIGGER item_check_ending_new BEFORE INSERT ON requests_app_item
    FOR EACH ROW WHEN (NEW.state = 'refused') EXECUTE FUNCTION item_check_ending();
CREATE TRIGGER item_check_ending BEFORE UPDATE ON requests_app_item
    FOR EACH ROW WHEN (NEW.state = 'refused' AND OLD.state <> 'refused') EXECUTE FUNCTION item_check_ending();
CREATE TRIGGER request_check_ending_new BEFORE INSERT ON requests_app_erasurerequest
    FOR EACH ROW WHEN (NEW.outcome IN ('refused', 'no_match', 'already_erased', 'not_learned', 'not_searched'))
    EXECUTE FUNCTION request_check_ending();
CREATE TRIGGER request_check_ending BEFORE UPDATE ON requests_app_erasurerequest
    FOR EACH ROW WHEN (OLD.outcome <> NEW.outcome
                       AND NEW.outcome IN ('refused', 'no_match', 'already_erased', 'not_learned', 'not_searched'))
    EXECUTE FUNCTION request_check_ending();
CREATE TRIGGER ending_decided_is_fixed BEFORE UPDATE ON requests_app_ending
    FOR EACH ROW WHEN (OLD.approved_by_id IS NOT NULL OR OLD.declined_by_id IS NOT NULL)
    EXECUTE FUNCTION case_refuse_change();
CREATE TRIGGER ending_approved_is_kept BEFORE DELETE ON requests_app_ending
    FOR EACH ROW WHEN (OLD.approved_by_id IS NOT NULL) EXECUTE FUNCTION case_refuse_change();
CREATE TRIGGER ending_table_is_kept BEFORE TRUNCATE ON requests_app_ending
    FOR EACH STATEMENT EXECUTE FUNCTION case_refuse_change();
CREATE TRIGGER search_is_fixed BEFORE UPDATE OR DELETE ON requests_app_search
    FOR EACH ROW EXECUTE FUNCTION case_refuse_change();
CREATE TRIGGER search_table_is_kept BEFORE TRUNCATE ON requests_app_search
    FOR EACH STATEMENT EXECUTE FUNCTION case_refuse_change();

ALTER TABLE requests_app_ending ENABLE ALWAYS TRIGGER ending_check_approver;
ALTER TABLE requests_app_match ENABLE ALWAYS TRIGGER match_check_ender;
ALTER TABLE requests_app_item ENABLE ALWAYS TRIGGER item_check_ending_new;
ALTER TABLE requests_app_item ENABLE ALWAYS TRIGGER item_check_ending;
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_check_ending_new;
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_check_ending;
ALTER TABLE requests_app_ending ENABLE ALWAYS TRIGGER ending_decided_is_fixed;
ALTER TABLE requests_app_ending ENABLE ALWAYS TRIGGER ending_approved_is_kept;
ALTER TABLE requests_app_ending ENABLE ALWAYS TRIGGER ending_table_is_kept;
ALTER TABLE requests_app_search ENABLE ALWAYS TRIGGER search_is_fixed;
ALTER TABLE requests_app_search ENABLE ALWAYS TRIGGER search_table_is_kept;
"""

DROP = """
DROP FUNCTION ending_check_approver() CASCADE;
DROP FUNCTION match_check_ender() CASCADE;
DROP FUNCTION item_check_ending() CASCADE;
DROP FUNCTION request_check_ending() CASCADE;
DROP FUNCTION case_refuse_change() CASCADE;
"""


def items_of_closed_requests_lapse(apps, _schema_editor):
    items = apps.get_model("requests_app", "Item").objects.filter(request__state="closed")
    items.exclude(state__in=["released", "refused"]).update(state="lapsed")


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0007_searches_and_endings")]
    operations = [
        migrations.RunPython(items_of_closed_requests_lapse, migrations.RunPython.noop),
        migrations.RunSQL(CREATE, DROP),
    ]
