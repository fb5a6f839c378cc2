"""Samples of what a search for a name had not found. None of them is drawn again, changed or taken away."""

import django.db.models.deletion
import unlearning_jobs.ringing
from django.conf import settings
from django.db import migrations, models

TRIGGERS = {
    "requests_app_missedsample": ["sample_is_fixed", "sample_drawn_is_fixed", "sample_is_kept", "sample_table_is_kept"],
    "requests_app_sampledexample": ["sampled_is_fixed", "sampled_finished_is_fixed", "sampled_is_kept", "sampled_table_is_kept"],
}

CREATE = """
CREATE TRIGGER sample_is_fixed BEFORE UPDATE ON requests_app_missedsample FOR EACH ROW
    WHEN ((NEW.id, NEW.request_id, NEW.number, NEW.search_id, NEW.snapshot_id, NEW.size, NEW.seed, NEW.ordered_by_id)
        IS DISTINCT FROM
        (OLD.id, OLD.request_id, OLD.number, OLD.search_id, OLD.snapshot_id, OLD.size, OLD.seed, OLD.ordered_by_id))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER sample_drawn_is_fixed BEFORE UPDATE ON requests_app_missedsample FOR EACH ROW
    WHEN ((OLD.state IN ('completed', 'failed', 'cancelled')
            AND (NEW.state, NEW.matcher, NEW.known, NEW.populations)
            IS DISTINCT FROM (OLD.state, OLD.matcher, OLD.known, OLD.populations))
        OR (OLD.looked_at IS NOT NULL AND (NEW.looked_at, NEW.looked_by_id, NEW.at_most)
            IS DISTINCT FROM (OLD.looked_at, OLD.looked_by_id, OLD.at_most)))
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER sample_is_kept BEFORE DELETE ON requests_app_missedsample FOR EACH ROW
    EXECUTE FUNCTION decision_refuse_change();
CREATE TRIGGER sample_table_is_kept BEFORE TRUNCATE ON requests_app_missedsample FOR EACH STATEMENT
    EXECUTE FUNCTION decision_refuse_change();

CREATE TRIGGER sampled_is_fixed BEFORE UPDATE ON requests_app_sampledexample FOR EACH ROW
    WHEN ((NEW.id, NEW.sample_id, NEW."group", NEW.example_id)
        IS DISTINCT FROM (OLD.id, OLD.sample_id, OLD."group", OLD.example_id))
    EXECUTE FUNCTION decision_refuse_change();

CREATE FUNCTION sampled_refuse_change_once_finished() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_missedsample sample
               WHERE sample.id = OLD.sample_id AND sample.looked_at IS NOT NULL) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sampled_finished_is_fixed BEFORE UPDATE ON requests_app_sampledexample FOR EACH ROW
    EXECUTE FUNCTION sampled_refuse_change_once_finished();

CREATE TRIGGER sampled_is_kept BEFORE DELETE ON requests_app_sampledexample FOR EACH ROW
    EXECUTE FUNCTION decision_refuse_change();
CREATE TRIGGER sampled_table_is_kept BEFORE TRUNCATE ON requests_app_sampledexample FOR EACH STATEMENT
    EXECUTE FUNCTION decision_refuse_change();
""" + "".join(
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};\n" for table, names in TRIGGERS.items() for trigger in names
)

DROP = (
    "".join(f"DROP TRIGGER {trigger} ON {table};\n" for table, names in TRIGGERS.items() for trigger in names)
    + "DROP FUNCTION sampled_refuse_change_once_finished();\n"
)


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0024_matches_name_their_queries'),
        ('unlearning_jobs', '0014_training_contents'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='MissedSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('completed', 'Completed'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('runs', models.PositiveSmallIntegerField(default=0)),
                ('max_runs', models.PositiveSmallIntegerField(default=3)),
                ('fencing_token', models.PositiveIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('done', models.FloatField(default=0)),
                ('total', models.FloatField(default=0)),
                ('error_code', models.CharField(blank=True, max_length=40)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('ring_at', models.DateTimeField(default=unlearning_jobs.ringing.first_ring)),
                ('rings', models.PositiveSmallIntegerField(default=0)),
                ('number', models.PositiveSmallIntegerField()),
                ('size', models.PositiveSmallIntegerField()),
                ('seed', models.BigIntegerField()),
                ('matcher', models.CharField(blank=True, max_length=40)),
                ('known', models.PositiveIntegerField(null=True)),
                ('populations', models.JSONField(default=dict)),
                ('at_most', models.PositiveIntegerField(null=True)),
                ('looked_at', models.DateTimeField(null=True)),
                ('looked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ordered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='samples', to='requests_app.erasurerequest')),
                ('search', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='samples', to='requests_app.search')),
                ('snapshot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='unlearning_jobs.corpussnapshot')),
            ],
            options={
                'ordering': ['number'],
            },
        ),
        migrations.CreateModel(
            name='SampledExample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.CharField(max_length=20)),
                ('example_id', models.CharField(max_length=40)),
                ('mark', models.CharField(choices=[('open', 'To be looked at'), ('about', 'About the person'), ('other', 'Not about the person')], default='open', max_length=10)),
                ('marked_at', models.DateTimeField(null=True)),
                ('marked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('sample', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='examples', to='requests_app.missedsample')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddConstraint(
            model_name='missedsample',
            constraint=models.UniqueConstraint(fields=('request', 'number'), name='sample_number_once'),
        ),
        migrations.AddConstraint(
            model_name='missedsample',
            constraint=models.UniqueConstraint(condition=models.Q(('looked_at', None), ('state__in', ['queued', 'running', 'completed'])), fields=('search', 'snapshot'), name='sample_one_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='missedsample',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', False), _connector='OR'), name='sample_running_has_lease'),
        ),
        migrations.AddConstraint(
            model_name='missedsample',
            constraint=models.CheckConstraint(condition=models.Q(('runs__lte', models.F('max_runs'))), name='sample_runs_bounded'),
        ),
        migrations.AddConstraint(
            model_name='missedsample',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'failed'), _negated=True), models.Q(('error_code', ''), _negated=True), _connector='OR'), name='sample_failed_has_error'),
        ),
        migrations.AddConstraint(
            model_name='missedsample',
            constraint=models.CheckConstraint(condition=models.Q(('looked_at', None), models.Q(('at_most__isnull', False), ('looked_by__isnull', False), ('state', 'completed')), _connector='OR'), name='sample_finished_is_drawn'),
        ),
        migrations.AddConstraint(
            model_name='sampledexample',
            constraint=models.UniqueConstraint(fields=('sample', 'example_id'), name='sampled_once'),
        ),
        migrations.AddConstraint(
            model_name='sampledexample',
            constraint=models.CheckConstraint(condition=models.Q(('mark', 'open'), ('marked_by__isnull', False), _connector='OR'), name='sampled_mark_has_author'),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
