"""Nobody approves what they mapped or submitted, through whatever door the change comes.

Approver and proposer, releaser and approver are in one row and have check constraints (0001). These triggers look across
rows: at the accepted matches, at the closed review, and at who opened the request.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION proposal_check_approver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.approved_by_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM requests_app_item item
        JOIN requests_app_erasurerequest request ON request.id = item.request_id
        WHERE item.id = NEW.item_id AND (
            request.submitted_by_id = NEW.approved_by_id
            OR request.reviewed_by_id = NEW.approved_by_id
            OR EXISTS (SELECT 1 FROM requests_app_match m WHERE m.request_id = request.id
                       AND m.decision = 'accepted' AND m.decided_by_id = NEW.approved_by_id))
    ) THEN
        RAISE EXCEPTION 'proposal_approver_did_not_map: nobody approves what they submitted or mapped.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_approver_did_not_map';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_approver BEFORE INSERT OR UPDATE ON requests_app_proposal
    FOR EACH ROW EXECUTE FUNCTION proposal_check_approver();

CREATE FUNCTION match_check_mapper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.decision = 'accepted' AND EXISTS (
        SELECT 1 FROM requests_app_proposal proposal
        JOIN requests_app_item item ON item.id = proposal.item_id
        WHERE item.request_id = NEW.request_id AND proposal.approved_by_id = NEW.decided_by_id
    ) THEN
        RAISE EXCEPTION 'match_mapper_did_not_approve: nobody maps what they approved.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_mapper_did_not_approve';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_mapper BEFORE INSERT OR UPDATE ON requests_app_match
    FOR EACH ROW EXECUTE FUNCTION match_check_mapper();

CREATE FUNCTION request_check_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM requests_app_proposal proposal
        JOIN requests_app_item item ON item.id = proposal.item_id
        WHERE item.request_id = NEW.id AND proposal.approved_by_id IN (NEW.submitted_by_id, NEW.reviewed_by_id)
    ) THEN
        RAISE EXCEPTION 'request_people_did_not_approve: the approver cannot become submitter or reviewer.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'request_people_did_not_approve';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_people BEFORE UPDATE ON requests_app_erasurerequest
    FOR EACH ROW EXECUTE FUNCTION request_check_people();
"""

DROP = """
DROP FUNCTION proposal_check_approver() CASCADE;
DROP FUNCTION match_check_mapper() CASCADE;
DROP FUNCTION request_check_people() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
