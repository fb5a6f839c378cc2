"""Data stores that documents can be erased from. A name stays, a store goes once, and none holds the password of a database."""

from django.db import migrations, models

FIXED = """
CREATE TRIGGER store_is_fixed BEFORE UPDATE ON unlearning_jobs_datastore FOR EACH ROW
    WHEN ((NEW.id, NEW.name, NEW.registered_at) IS DISTINCT FROM (OLD.id, OLD.name, OLD.registered_at)
        OR (OLD.retired_at IS NOT NULL
            AND (NEW.retired_at, NEW.description, NEW.digest)
                IS DISTINCT FROM (OLD.retired_at, OLD.description, OLD.digest)))
    EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_datastore ENABLE ALWAYS TRIGGER store_is_fixed;
CREATE TRIGGER store_is_kept BEFORE DELETE ON unlearning_jobs_datastore FOR EACH ROW EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_datastore ENABLE ALWAYS TRIGGER store_is_kept;
ALTER TABLE unlearning_jobs_datastore ADD CONSTRAINT store_holds_no_password
    CHECK (COALESCE(description #>> '{store,dsn}', '') !~* '(password *=|://[^/@]*:[^/@]+@)');
"""
DROP = """
ALTER TABLE unlearning_jobs_datastore DROP CONSTRAINT store_holds_no_password;
DROP TRIGGER store_is_kept ON unlearning_jobs_datastore;
DROP TRIGGER store_is_fixed ON unlearning_jobs_datastore;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('unlearning_jobs', '0022_copies'),
    ]

    operations = [
        migrations.CreateModel(
            name='DataStore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(max_length=60, unique=True)),
                ('description', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('registered_at', models.DateTimeField(auto_now_add=True)),
                ('retired_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('digest__regex', '^[0-9a-f]{64}$')), name='store_digest_in_full')],
            },
        ),
        migrations.RunSQL(FIXED, DROP),
    ]
