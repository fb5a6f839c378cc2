"""Samples say what was added before them, and there is one unfinished of a request and snapshot, whatever its search."""

from django.db import migrations, models

TRIGGER = """
DROP TRIGGER sample_drawn_is_fixed ON requests_app_missedsample;
CREATE TRIGGER sample_drawn_is_fixed BEFORE UPDATE ON requests_app_missedsample FOR EACH ROW
    WHEN ((OLD.state IN ('completed', 'failed', 'cancelled')
            AND (NEW.state, NEW.matcher, NEW.known, {new}NEW.populations)
            IS DISTINCT FROM (OLD.state, OLD.matcher, OLD.known, {old}OLD.populations))
        OR (OLD.looked_at IS NOT NULL AND (NEW.looked_at, NEW.looked_by_id, NEW.at_most)
            IS DISTINCT FROM (OLD.looked_at, OLD.looked_by_id, OLD.at_most)))
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_missedsample ENABLE ALWAYS TRIGGER sample_drawn_is_fixed;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0026_vocabularies_at_the_end'),
    ]

    operations = [
        migrations.AddField(
            model_name='missedsample',
            name='added',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RemoveConstraint(
            model_name='missedsample',
            name='sample_one_unfinished',
        ),
        migrations.AddConstraint(
            model_name='missedsample',
            constraint=models.UniqueConstraint(condition=models.Q(('looked_at', None), ('state__in', ['queued', 'running', 'completed'])), fields=('request', 'snapshot'), name='sample_one_unfinished'),
        ),
        migrations.RunSQL(TRIGGER.format(new="NEW.added, ", old="OLD.added, "), TRIGGER.format(new="", old="")),
    ]
