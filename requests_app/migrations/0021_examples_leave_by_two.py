"""What an item holds leaves it only if two officers want it so: nobody alone empties what was accepted or granted.

And what two officers let lapse stays accepted, as what they refused: its end rests on it.
"""

from django.db import migrations, models

CREATE = """
CREATE FUNCTION item_check_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(OLD.example_ids) AS leaving(example_id)
        WHERE NOT NEW.example_ids ? leaving.example_id AND NOT EXISTS (
            SELECT 1 FROM requests_app_ending ending
            JOIN requests_app_match m ON m.request_id = OLD.request_id AND m.snapshot_id = OLD.snapshot_id
                AND m.example_id = leaving.example_id AND m.decision = 'rejected'
            WHERE ending.request_id = OLD.request_id AND ending.item_id IS NULL
              AND ending.approved_by_id IS NOT NULL AND ending.approved_at >= m.decided_at)
    ) THEN
        RAISE EXCEPTION 'item_corrected_by_two: examples leave an item once a second officer approves that.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_corrected_by_two';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER item_check_correction AFTER UPDATE ON requests_app_item FOR EACH ROW
    WHEN (NEW.example_ids IS DISTINCT FROM OLD.example_ids) EXECUTE FUNCTION item_check_correction();
ALTER TABLE requests_app_item ENABLE ALWAYS TRIGGER item_check_correction;
"""
DROP = """
DROP TRIGGER item_check_correction ON requests_app_item;
DROP FUNCTION item_check_correction();
"""
LAPSED = """
CREATE OR REPLACE FUNCTION match_refuse_change_once_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_item item
               WHERE item.request_id = OLD.request_id AND item.snapshot_id = OLD.snapshot_id
                 AND item.state IN ({settled}) AND item.example_ids ? OLD.example_id) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
"""


OUTCOMES = [
    ("completed", "Completed"),
    ("refused", "Refused"),
    ("no_match", "Nothing found"),
    ("already_erased", "Already erased"),
    ("not_learned", "In no model in use"),
    ("no_influence", "No measurable influence"),
    ("not_searched", "Could not be searched in full"),
    ("not_concerned", "Not the claimant’s"),
    ("withdrawn", "Withdrawn"),
    ("unconfirmed", "Never confirmed"),
]
ENDS = ["already_erased", "no_influence", "no_match", "not_concerned", "not_learned", "not_searched", "refused"]


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0020_deadline_extension")]
    operations = [
        migrations.RemoveConstraint(model_name="ending", name="ending_known"),
        migrations.AlterField(
            model_name="ending", name="outcome", field=models.CharField(choices=OUTCOMES, max_length=14)
        ),
        migrations.AlterField(
            model_name="erasurerequest", name="outcome", field=models.CharField(blank=True, choices=OUTCOMES, max_length=14)
        ),
        migrations.AddConstraint(
            model_name="ending",
            constraint=models.CheckConstraint(name="ending_known", condition=models.Q(outcome__in=ENDS)),
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(
            LAPSED.format(settled="'released', 'refused', 'lapsed'"), LAPSED.format(settled="'released', 'refused'")
        ),
    ]
