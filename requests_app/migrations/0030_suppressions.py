"""Interim suppression: guards that keep a model silent while a request is open."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import compliance.encryption

CREATE = """
CREATE TRIGGER suppression_is_fixed BEFORE UPDATE ON requests_app_suppression FOR EACH ROW
    WHEN ((NEW.request_id, NEW.number, NEW.model_name, NEW.guard, NEW.sha256, NEW.started_by_id, NEW.started_at)
        IS DISTINCT FROM
          (OLD.request_id, OLD.number, OLD.model_name, OLD.guard, OLD.sha256, OLD.started_by_id, OLD.started_at)
        OR (OLD.ended_at IS NOT NULL AND (NEW.until, NEW.ended_at, NEW.why, NEW.handed_over_at)
            IS DISTINCT FROM (OLD.until, OLD.ended_at, OLD.why, OLD.handed_over_at)))
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_suppression ENABLE ALWAYS TRIGGER suppression_is_fixed;
CREATE TRIGGER suppression_is_kept BEFORE DELETE ON requests_app_suppression FOR EACH ROW
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_suppression ENABLE ALWAYS TRIGGER suppression_is_kept;
"""
DROP = """
DROP TRIGGER suppression_is_fixed ON requests_app_suppression;
DROP TRIGGER suppression_is_kept ON requests_app_suppression;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("requests_app", "0029_closed_letters_are_fixed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('model_name', models.CharField(max_length=40)),
                ('guard', models.CharField(choices=[('output_filter', 'Filter of answers'), ('input_filter', 'Filter of questions'), ('prompt_guard', 'Instruction to the model')], max_length=14)),
                ('artefact', compliance.encryption.EncryptedTextField(blank=True, default='')),
                ('sha256', models.CharField(max_length=64)),
                ('until', models.DateField()),
                ('started_at', models.DateTimeField(auto_now_add=True)),
                ('handed_over_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('why', models.CharField(blank=True, choices=[('taken_back', 'taken back'), ('released', 'the unlearned model was released'), ('request_closed', 'the request was closed'), ('expired', 'its last day passed')], max_length=14)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='suppressions', to='requests_app.erasurerequest')),
                ('started_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('request', 'number'), name='suppression_number_once'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('why', '')), models.Q(('ended_at__isnull', False), models.Q(('why', ''), _negated=True)), _connector='OR'), name='suppression_ends_for_a_reason')],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
