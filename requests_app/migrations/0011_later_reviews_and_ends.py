"""After an approval, a later review may still decide what it found, and two officers may still refuse the item.

Everything else about an approved item, and about a match that was decided before, stays as it was decided.
"""

from django.db import migrations

ITEM = """
DROP TRIGGER item_approved_is_fixed ON requests_app_item;
CREATE TRIGGER item_approved_is_fixed BEFORE UPDATE ON requests_app_item FOR EACH ROW
    WHEN ((NEW.example_ids, NEW.ground, NEW.decided_by_id, NEW.decided_at)
        IS DISTINCT FROM (OLD.example_ids, OLD.ground, OLD.decided_by_id, OLD.decided_at){refusal})
    EXECUTE FUNCTION item_refuse_change_once_approved();
ALTER TABLE requests_app_item ENABLE ALWAYS TRIGGER item_approved_is_fixed;
"""
MATCH = """
DROP TRIGGER match_approved_is_fixed ON requests_app_match;
CREATE TRIGGER match_approved_is_fixed BEFORE UPDATE ON requests_app_match FOR EACH ROW
    WHEN ((NEW.id, NEW.request_id, NEW.snapshot_id, NEW.example_id{decision})
        IS DISTINCT FROM (OLD.id, OLD.request_id, OLD.snapshot_id, OLD.example_id{old_decision}))
    EXECUTE FUNCTION match_refuse_change_once_approved();
ALTER TABLE requests_app_match ENABLE ALWAYS TRIGGER match_approved_is_fixed;
"""
DECIDED = """
CREATE TRIGGER match_decided_is_fixed BEFORE UPDATE ON requests_app_match FOR EACH ROW
    WHEN (OLD.decision <> 'open' AND
        (NEW.decision, NEW.decided_by_id, NEW.decided_at) IS DISTINCT FROM (OLD.decision, OLD.decided_by_id, OLD.decided_at))
    EXECUTE FUNCTION match_refuse_change_once_approved();
ALTER TABLE requests_app_match ENABLE ALWAYS TRIGGER match_decided_is_fixed;
"""
REFUSAL = """
        AND NOT (OLD.state = 'ending' AND NEW.state = 'refused' AND NEW.example_ids = OLD.example_ids)"""
COLUMNS = ", {row}.decision, {row}.decided_by_id, {row}.decided_at"
ANY = {"decision": COLUMNS.format(row="NEW"), "old_decision": COLUMNS.format(row="OLD")}
NO_DECISION = {"decision": "", "old_decision": ""}


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0010_no_influence")]
    operations = [
        migrations.RunSQL(ITEM.format(refusal=REFUSAL), ITEM.format(refusal="")),
        migrations.RunSQL(
            MATCH.format(**NO_DECISION) + DECIDED,
            "DROP TRIGGER match_decided_is_fixed ON requests_app_match;" + MATCH.format(**ANY),
        ),
    ]
