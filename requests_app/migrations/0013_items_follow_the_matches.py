"""After an approval, a later review may still reject an example and take it out of the item, until the item is settled.

Nothing is added to an approved item, and nobody decides again about what was released or refused.
"""

from django.db import migrations

ITEM = """
DROP TRIGGER item_approved_is_fixed ON requests_app_item;
CREATE TRIGGER item_approved_is_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN ((NEW.example_ids, NEW.ground, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM (OLD.example_ids, OLD.ground, OLD.decided_by_id, OLD.decided_at)
        AND NOT (OLD.state = 'ending' AND NEW.state = 'refused' AND NEW.example_ids = OLD.example_ids){correction})
    EXECUTE FUNCTION item_refuse_change_once_approved();
ALTER TABLE requests_app_item ENABLE ALWAYS TRIGGER item_approved_is_fixed;
"""
CORRECTION = """
        AND NOT (OLD.state NOT IN ('released', 'refused', 'lapsed') AND NEW.example_ids <@ OLD.example_ids
            AND (NEW.ground, NEW.decided_by_id, NEW.decided_at)
                IS NOT DISTINCT FROM (OLD.ground, OLD.decided_by_id, OLD.decided_at))"""
SETTLED = """
CREATE FUNCTION match_refuse_change_once_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_item item
               WHERE item.request_id = OLD.request_id AND item.snapshot_id = OLD.snapshot_id
                 AND item.state IN ('released', 'refused') AND item.example_ids ? OLD.example_id) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
"""
MATCH = """
DROP TRIGGER match_decided_is_fixed ON requests_app_match;
CREATE TRIGGER match_decided_is_fixed BEFORE UPDATE ON requests_app_match FOR EACH ROW
    WHEN (OLD.decision <> 'open' AND
        (NEW.decision, NEW.decided_by_id, NEW.decided_at) IS DISTINCT FROM (OLD.decision, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION match_refuse_change_once_{when}();
ALTER TABLE requests_app_match ENABLE ALWAYS TRIGGER match_decided_is_fixed;
"""


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0012_email_index_of_its_own")]
    operations = [
        migrations.RunSQL(ITEM.format(correction=CORRECTION), ITEM.format(correction="")),
        migrations.RunSQL(
            SETTLED + MATCH.format(when="settled"),
            MATCH.format(when="approved") + "DROP FUNCTION match_refuse_change_once_settled();",
        ),
    ]
