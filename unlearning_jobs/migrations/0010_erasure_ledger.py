"""The erasure ledger: its tables take INSERT only, whatever door a change comes through.

ENABLE ALWAYS keeps the triggers on under session_replication_role = replica. The function is that of migration 0007.
"""

import django.db.models.deletion
from django.db import migrations, models

CREATE = """
CREATE TRIGGER erasure_is_kept BEFORE UPDATE OR DELETE ON unlearning_jobs_erasureentry FOR EACH ROW
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER erasure_table_is_kept BEFORE TRUNCATE ON unlearning_jobs_erasureentry FOR EACH STATEMENT
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER erased_example_is_kept BEFORE UPDATE OR DELETE ON unlearning_jobs_erasedexample FOR EACH ROW
    EXECUTE FUNCTION job_refuse_change();

CREATE TRIGGER erased_example_table_is_kept BEFORE TRUNCATE ON unlearning_jobs_erasedexample FOR EACH STATEMENT
    EXECUTE FUNCTION job_refuse_change();

ALTER TABLE unlearning_jobs_erasureentry ENABLE ALWAYS TRIGGER erasure_is_kept;
ALTER TABLE unlearning_jobs_erasureentry ENABLE ALWAYS TRIGGER erasure_table_is_kept;
ALTER TABLE unlearning_jobs_erasedexample ENABLE ALWAYS TRIGGER erased_example_is_kept;
ALTER TABLE unlearning_jobs_erasedexample ENABLE ALWAYS TRIGGER erased_example_table_is_kept;
"""

DROP = """
DROP TRIGGER erasure_is_kept ON unlearning_jobs_erasureentry;
DROP TRIGGER erasure_table_is_kept ON unlearning_jobs_erasureentry;
DROP TRIGGER erased_example_is_kept ON unlearning_jobs_erasedexample;
DROP TRIGGER erased_example_table_is_kept ON unlearning_jobs_erasedexample;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('unlearning_jobs', '0009_no_heartbeat_time'),
    ]

    operations = [
        migrations.AddField(
            model_name='corpussnapshot',
            name='compared_with',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='ledger_sha256',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='left_out',
            field=models.JSONField(default=list),
        ),
        migrations.CreateModel(
            name='ErasureEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_id', models.CharField(max_length=16)),
                ('digest', models.CharField(max_length=64)),
                ('subject', models.CharField(max_length=80)),
                ('item', models.CharField(max_length=40)),
                ('attempt', models.PositiveIntegerField()),
                ('snapshot_sha256', models.CharField(max_length=64)),
                ('example_id', models.CharField(max_length=40)),
                ('entered_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('subject', 'item', 'snapshot_sha256', 'example_id'), name='erasure_entry_once')],
            },
        ),
        migrations.CreateModel(
            name='ErasedExample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('example_id', models.CharField(max_length=40)),
                ('in_training', models.BooleanField()),
                ('snapshot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='erased_examples', to='unlearning_jobs.corpussnapshot')),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='places', to='unlearning_jobs.erasureentry')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('snapshot', 'example_id', 'entry'), name='erased_example_once')],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
