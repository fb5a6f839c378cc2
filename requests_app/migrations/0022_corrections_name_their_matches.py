"""A correction names the matches that leave items by it, and nothing leaves an item by any other end of a request.

What an item has lapsed for may be decided again once a later item of its model holds it, and after it has left that item.
"""

from django.db import migrations, models

CORRECTION = """
CREATE OR REPLACE FUNCTION item_check_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(OLD.example_ids) AS leaving(example_id)
        WHERE NOT NEW.example_ids ? leaving.example_id AND NOT EXISTS (
            SELECT 1 FROM requests_app_ending ending
            JOIN requests_app_match m ON m.request_id = OLD.request_id AND m.snapshot_id = OLD.snapshot_id
                AND m.example_id = leaving.example_id AND m.decision = 'rejected'
            WHERE ending.request_id = OLD.request_id AND ending.item_id IS NULL{correction}
              AND ending.approved_by_id IS NOT NULL AND ending.approved_at >= m.decided_at)
    ) THEN
        RAISE EXCEPTION 'item_corrected_by_two: examples leave an item once a second officer approves that.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_corrected_by_two';
    END IF;
    RETURN NULL;
END $$;
"""
SETTLED = """
CREATE OR REPLACE FUNCTION match_refuse_change_once_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_item item
               WHERE item.request_id = OLD.request_id AND item.snapshot_id = OLD.snapshot_id
                 AND item.example_ids ? OLD.example_id AND ({settled})) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
"""
LAPSED = """
    item.state IN ('released', 'refused') OR item.state = 'lapsed' AND OLD.decision = 'accepted' AND NOT EXISTS (
        SELECT 1 FROM requests_app_item later
        WHERE later.request_id = item.request_id AND later.model_name = item.model_name
          AND later.state NOT IN ('released', 'refused', 'lapsed') AND later.example_ids ? OLD.example_id)
"""


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0021_examples_leave_by_two")]
    operations = [
        migrations.AddField(model_name="ending", name="match_ids", field=models.JSONField(default=list)),
        migrations.RunSQL(
            CORRECTION.format(correction=" AND ending.match_ids @> to_jsonb(m.id)"), CORRECTION.format(correction="")
        ),
        migrations.RunSQL(
            SETTLED.format(settled=LAPSED), SETTLED.format(settled="item.state IN ('released', 'refused', 'lapsed')")
        ),
    ]
