"""Searches are leased work, like jobs; matches keep why they were found and which near-identical ones they are decided with."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0016_ended_is_final'),
        ('unlearning_jobs', '0011_model_versions_are_fixed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchOrder',
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
                ('snapshots_done', models.PositiveSmallIntegerField(default=0)),
                ('snapshots', models.PositiveSmallIntegerField(default=0)),
                ('worker', models.CharField(blank=True, max_length=100)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddField(
            model_name='match',
            name='because',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='match',
            name='cluster',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='match',
            name='copied',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='search',
            name='self_test',
            field=models.JSONField(default=list),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['request', 'cluster'], name='match_by_cluster'),
        ),
        migrations.AddField(
            model_name='searchorder',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='search_orders', to='requests_app.erasurerequest'),
        ),
        migrations.AddConstraint(
            model_name='searchorder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', False), _connector='OR'), name='search_order_running_has_lease'),
        ),
        migrations.AddConstraint(
            model_name='searchorder',
            constraint=models.CheckConstraint(condition=models.Q(('runs__lte', models.F('max_runs'))), name='search_order_runs_bounded'),
        ),
        migrations.AddConstraint(
            model_name='searchorder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'failed'), _negated=True), models.Q(('error_code', ''), _negated=True), _connector='OR'), name='search_order_failed_has_error'),
        ),
        migrations.AddConstraint(
            model_name='searchorder',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running'])), fields=('request',), name='search_order_one_live'),
        ),
    ]
