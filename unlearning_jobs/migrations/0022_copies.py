"""Copies and descendants of models and corpora. What one is stays, it goes once, and none is deleted."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FIXED = """
CREATE TRIGGER copy_is_fixed BEFORE UPDATE ON unlearning_jobs_copy FOR EACH ROW
    WHEN ((NEW.id, NEW.name, NEW.kind, NEW.version_id, NEW.snapshot_id, NEW.parent_id, NEW.place, NEW.sha256,
           NEW.discovered, NEW.registered_by_id, NEW.registered_at)
        IS DISTINCT FROM
          (OLD.id, OLD.name, OLD.kind, OLD.version_id, OLD.snapshot_id, OLD.parent_id, OLD.place, OLD.sha256,
           OLD.discovered, OLD.registered_by_id, OLD.registered_at)
        OR (OLD.retired_at IS NOT NULL
            AND (NEW.retired_at, NEW.retired_by_id) IS DISTINCT FROM (OLD.retired_at, OLD.retired_by_id)))
    EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_copy ENABLE ALWAYS TRIGGER copy_is_fixed;
CREATE TRIGGER copy_is_kept BEFORE DELETE ON unlearning_jobs_copy FOR EACH ROW EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_copy ENABLE ALWAYS TRIGGER copy_is_kept;
"""
DROP = """
DROP TRIGGER copy_is_fixed ON unlearning_jobs_copy;
DROP TRIGGER copy_is_kept ON unlearning_jobs_copy;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('unlearning_jobs', '0021_canary_draws'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Copy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(max_length=60, unique=True)),
                ('kind', models.CharField(choices=[('adapter', 'Adapter'), ('merge', 'Merged model'), ('quantised', 'Quantised model'), ('distilled', 'Distilled model'), ('deployment', 'Deployment'), ('licensee', 'Copy at a licensee'), ('backup', 'Back-up'), ('evaluation_set', 'Evaluation set'), ('cache', 'Cache')], max_length=14)),
                ('place', models.TextField(max_length=500)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('discovered', models.BooleanField(default=False)),
                ('registered_at', models.DateTimeField(auto_now_add=True)),
                ('retired_at', models.DateTimeField(null=True)),
                ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='unlearning_jobs.copy')),
                ('registered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('retired_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('snapshot', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='unlearning_jobs.corpussnapshot')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='unlearning_jobs.modelversion')),
            ],
            options={
                'verbose_name_plural': 'copies',
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('parent', None), ('snapshot', None), ('version__isnull', False)), models.Q(('parent', None), ('snapshot__isnull', False), ('version', None)), models.Q(('parent__isnull', False), ('snapshot', None), ('version', None)), _connector='OR'), name='copy_of_one_thing'), models.CheckConstraint(condition=models.Q(('parent', None), models.Q(('parent', models.F('pk')), _negated=True), _connector='OR'), name='copy_not_of_itself'), models.CheckConstraint(condition=models.Q(('retired_by', None), ('retired_at__isnull', False), _connector='OR'), name='copy_retired_in_full'), models.UniqueConstraint(condition=models.Q(('discovered', True), ('retired_at', None)), fields=('version', 'place'), name='copy_found_once')],
            },
        ),
        migrations.RunSQL(FIXED, DROP),
    ]
