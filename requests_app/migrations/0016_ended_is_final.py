"""What has ended is final, and nothing ends in a way that did not happen, through whatever door a change comes.

Triggers that look across rows run after the statement, so that the rules within a row answer first. ENABLE ALWAYS keeps them
on under session_replication_role = replica. A later migration that must rewrite such a row disables the trigger for itself.
"""

from django.db import migrations, models

TRIGGERS = {
    "requests_app_erasurerequest": ["request_is_fixed", "request_closed_is_final", "request_check_outcome"],
    "requests_app_item": ["item_settled_is_fixed", "item_reasons_are_fixed", "item_check_release"],
    "requests_app_proposal": ["proposal_check_verdict", "proposal_check_release"],
    "requests_app_message": ["message_is_fixed", "message_sent_is_fixed"],
}

CREATE = """
DROP TRIGGER item_settled_is_fixed ON requests_app_item;

CREATE TRIGGER request_is_fixed BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN ((NEW.kind, NEW.submitted_by_id) IS DISTINCT FROM (OLD.kind, OLD.submitted_by_id))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER request_closed_is_final BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN (OLD.state = 'closed' AND
        (NEW.state, NEW.outcome, NEW.closed_at, NEW.received_at, NEW.due_on, NEW.confirmed_at, NEW.reviewed_by_id)
        IS DISTINCT FROM
        (OLD.state, OLD.outcome, OLD.closed_at, OLD.received_at, OLD.due_on, OLD.confirmed_at, OLD.reviewed_by_id))
    EXECUTE FUNCTION decision_refuse_change();

CREATE FUNCTION request_check_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.outcome = 'completed' AND NOT EXISTS (
        SELECT 1 FROM requests_app_item item WHERE item.request_id = NEW.id AND item.state = 'released')
    OR NEW.outcome = 'unconfirmed' AND NEW.confirmed_at IS NOT NULL
    THEN
        RAISE EXCEPTION 'request_outcome_happened: the request did not end like this.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'request_outcome_happened';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER request_check_outcome AFTER INSERT OR UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN (NEW.outcome IN ('completed', 'unconfirmed')) EXECUTE FUNCTION request_check_outcome();

CREATE TRIGGER item_settled_is_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN (OLD.state IN ('released', 'refused', 'lapsed') AND
        (NEW.state, NEW.example_ids, NEW.ground, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM (OLD.state, OLD.example_ids, OLD.ground, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION decision_refuse_change();

-- On its own, because who encrypts the reasons again must turn it off.
CREATE TRIGGER item_reasons_are_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN (OLD.state IN ('released', 'refused', 'lapsed') AND NEW.reasons IS DISTINCT FROM OLD.reasons)
    EXECUTE FUNCTION decision_refuse_change();

CREATE FUNCTION item_check_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM requests_app_proposal proposal
                   WHERE proposal.item_id = NEW.id AND proposal.released_by_id IS NOT NULL) THEN
        RAISE EXCEPTION 'item_released_by_officer: no result of this item was released.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_released_by_officer';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER item_check_release AFTER INSERT OR UPDATE ON requests_app_item FOR EACH ROW
    WHEN (NEW.state = 'released') EXECUTE FUNCTION item_check_release();

CREATE FUNCTION proposal_check_verdict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM unlearning_jobs_job job WHERE job.id = NEW.job_id AND (
        job.state = 'completed' AND job.verdict = NEW.verdict
        OR job.state IN ('failed', 'cancelled') AND job.state = NEW.verdict)) THEN
        RAISE EXCEPTION 'proposal_verdict_is_its_jobs: the job ended with another verdict, or has not ended.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_verdict_is_its_jobs';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER proposal_check_verdict AFTER INSERT OR UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (NEW.verdict <> '') EXECUTE FUNCTION proposal_check_verdict();

CREATE FUNCTION proposal_check_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_by_id IS NULL AND NOT EXISTS (
        SELECT 1 FROM requests_app_item item
        JOIN unlearning_jobs_job job ON job.id = NEW.job_id
        JOIN unlearning_jobs_modelversion version ON version.id = job.result_version_id
        WHERE item.id = NEW.item_id AND item.state = 'awaiting_release' AND version.state = 'active') THEN
        RAISE EXCEPTION 'proposal_release_is_in_use: the item does not await its release, or its result is not in use.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_release_is_in_use';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER proposal_check_release AFTER INSERT OR UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (NEW.released_by_id IS NOT NULL) EXECUTE FUNCTION proposal_check_release();

CREATE TRIGGER message_is_fixed BEFORE UPDATE ON requests_app_message FOR EACH ROW
    WHEN ((NEW.id, NEW.request_id, NEW.template, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.request_id, OLD.template, OLD.created_at))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER message_sent_is_fixed BEFORE UPDATE ON requests_app_message FOR EACH ROW
    WHEN (OLD.state = 'sent' AND (NEW.state, NEW.sent_at) IS DISTINCT FROM (OLD.state, OLD.sent_at))
    EXECUTE FUNCTION decision_refuse_change();
""" + "".join(
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};\n" for table, names in TRIGGERS.items() for trigger in names
)

DROP = (
    "".join(f"DROP TRIGGER {trigger} ON {table};\n" for table, names in TRIGGERS.items() for trigger in names)
    + """
DROP FUNCTION request_check_outcome();
DROP FUNCTION item_check_release();
DROP FUNCTION proposal_check_verdict();
DROP FUNCTION proposal_check_release();
CREATE TRIGGER item_settled_is_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN (OLD.state IN ('released', 'refused') AND (NEW.example_ids, NEW.ground, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM (OLD.example_ids, OLD.ground, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_item ENABLE ALWAYS TRIGGER item_settled_is_fixed;
"""
)


class Migration(migrations.Migration):
    dependencies = [
        ("requests_app", "0015_use_count"),
        ("unlearning_jobs", "0011_model_versions_are_fixed"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                name="proposal_decided_once", condition=models.Q(("approved_by", None), ("declined_by", None), _connector="OR")
            ),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
