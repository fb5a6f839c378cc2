"""An end of its own: nothing measurable was learned. It needs two officers like the others."""

from django.conf import settings
from django.db import migrations, models

ENDED = "'refused', 'no_match', 'already_erased', 'not_learned', 'not_searched'"
DROP = """
DROP TRIGGER request_check_ending_new ON requests_app_erasurerequest;
DROP TRIGGER request_check_ending ON requests_app_erasurerequest;
"""
CREATE = """
CREATE TRIGGER request_check_ending_new BEFORE INSERT ON requests_app_erasurerequest
    FOR EACH ROW WHEN (NEW.outcome IN ({ended})) EXECUTE FUNCTION request_check_ending();
CREATE TRIGGER request_check_ending BEFORE UPDATE ON requests_app_erasurerequest
    FOR EACH ROW WHEN (OLD.outcome <> NEW.outcome AND NEW.outcome IN ({ended})) EXECUTE FUNCTION request_check_ending();
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_check_ending_new;
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_check_ending;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0009_decisions_are_fixed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='ending',
            name='ending_known',
        ),
        migrations.AlterField(
            model_name='ending',
            name='outcome',
            field=models.CharField(choices=[('completed', 'Completed'), ('refused', 'Refused'), ('no_match', 'Nothing found'), ('already_erased', 'Already erased'), ('not_learned', 'In no model in use'), ('no_influence', 'No measurable influence'), ('not_searched', 'Could not be searched in full'), ('withdrawn', 'Withdrawn'), ('unconfirmed', 'Never confirmed')], max_length=14),
        ),
        migrations.AlterField(
            model_name='erasurerequest',
            name='outcome',
            field=models.CharField(blank=True, choices=[('completed', 'Completed'), ('refused', 'Refused'), ('no_match', 'Nothing found'), ('already_erased', 'Already erased'), ('not_learned', 'In no model in use'), ('no_influence', 'No measurable influence'), ('not_searched', 'Could not be searched in full'), ('withdrawn', 'Withdrawn'), ('unconfirmed', 'Never confirmed')], max_length=14),
        ),
        migrations.AddConstraint(
            model_name='ending',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['already_erased', 'no_influence', 'no_match', 'not_learned', 'not_searched', 'refused'])), name='ending_known'),
        ),
        migrations.RunSQL(
            DROP + CREATE.format(ended=f"{ENDED}, 'no_influence'"), DROP + CREATE.format(ended=ENDED)
        ),
    ]
