"""What was searched is kept, and a case that ends without unlearning needs two officers."""

import django.db.models.deletion
import compliance.encryption
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0006_unsent_answers'),
        ('unlearning_jobs', '0009_no_heartbeat_time'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Ending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('outcome', models.CharField(choices=[('completed', 'Completed'), ('refused', 'Refused'), ('no_match', 'Nothing found'), ('already_erased', 'Already erased'), ('not_learned', 'In no model in use'), ('not_searched', 'Could not be searched in full'), ('withdrawn', 'Withdrawn'), ('unconfirmed', 'Never confirmed')], max_length=14)),
                ('ground', models.CharField(blank=True, choices=[('17_1_a', 'Art. 17(1)(a): no longer necessary for its purpose'), ('17_1_b', 'Art. 17(1)(b): consent withdrawn'), ('17_1_c', 'Art. 17(1)(c): objection under Art. 21'), ('17_1_d', 'Art. 17(1)(d): processed unlawfully'), ('17_1_e', 'Art. 17(1)(e): erasure required by law'), ('17_1_f', 'Art. 17(1)(f): collected from a child for an online service'), ('rights', 'Copyright: the use was not, or is no longer, permitted'), ('17_3_a', 'Art. 17(3)(a): freedom of expression and information'), ('17_3_b', 'Art. 17(3)(b): legal obligation or public task'), ('17_3_c', 'Art. 17(3)(c): public health'), ('17_3_d', 'Art. 17(3)(d): archiving, research or statistics'), ('17_3_e', 'Art. 17(3)(e): legal claims'), ('12_5', 'Art. 12(5): manifestly unfounded or excessive'), ('no_right', 'Copyright: no right in the work, or no authority to act')], max_length=10)),
                ('reasons', compliance.encryption.EncryptedTextField(blank=True, default='')),
                ('facts', models.JSONField()),
                ('proposed_at', models.DateTimeField(auto_now_add=True)),
                ('approved_at', models.DateTimeField(null=True)),
                ('declined_at', models.DateTimeField(null=True)),
                ('decline_reason', compliance.encryption.EncryptedTextField(blank=True, default='')),
            ],
        ),
        migrations.CreateModel(
            name='Search',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('matcher', models.CharField(max_length=40)),
                ('queries', models.JSONField()),
                ('targets', models.JSONField()),
                ('candidates', models.PositiveIntegerField()),
                ('complete', models.BooleanField()),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='item',
            name='item_decided_has_ground',
        ),
        migrations.AddField(
            model_name='match',
            name='example_set',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name='match',
            name='reason',
            field=compliance.encryption.EncryptedTextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='proposal',
            name='decline_reason',
            field=compliance.encryption.EncryptedTextField(blank=True, default=''),
        ),
        migrations.AlterField(
            model_name='erasurerequest',
            name='outcome',
            field=models.CharField(blank=True, choices=[('completed', 'Completed'), ('refused', 'Refused'), ('no_match', 'Nothing found'), ('already_erased', 'Already erased'), ('not_learned', 'In no model in use'), ('not_searched', 'Could not be searched in full'), ('withdrawn', 'Withdrawn'), ('unconfirmed', 'Never confirmed')], max_length=14),
        ),
        migrations.AlterField(
            model_name='erasurerequest',
            name='state',
            field=models.CharField(choices=[('awaiting_confirmation', 'Awaiting e-mail confirmation'), ('mapping', 'Searching training data'), ('review', 'Matches to review'), ('closing', 'Closing awaits approval'), ('in_progress', 'In progress'), ('closed', 'Closed')], default='awaiting_confirmation', max_length=24),
        ),
        migrations.AlterField(
            model_name='item',
            name='state',
            field=models.CharField(choices=[('deciding', 'To be decided'), ('granted', 'Granted: choose a method'), ('awaiting_approval', 'Awaiting approval'), ('running', 'Unlearning'), ('awaiting_release', 'Awaiting release'), ('released', 'Released'), ('ending', 'End awaits approval'), ('refused', 'Refused'), ('lapsed', 'Lapsed')], default='deciding', max_length=18),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['deciding', 'ending', 'lapsed']), models.Q(models.Q(('ground', ''), _negated=True), ('decided_by__isnull', False)), _connector='OR'), name='item_decided_has_ground'),
        ),
        migrations.AddField(
            model_name='ending',
            name='approved_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ending',
            name='declined_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ending',
            name='item',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='endings', to='requests_app.item'),
        ),
        migrations.AddField(
            model_name='ending',
            name='proposed_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ending',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='endings', to='requests_app.erasurerequest'),
        ),
        migrations.AddField(
            model_name='search',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='searches', to='requests_app.erasurerequest'),
        ),
        migrations.AddField(
            model_name='ending',
            name='search',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.search'),
        ),
        migrations.AddConstraint(
            model_name='search',
            constraint=models.UniqueConstraint(fields=('request', 'number'), name='search_number_once'),
        ),
        migrations.AddConstraint(
            model_name='ending',
            constraint=models.UniqueConstraint(fields=('request', 'number'), name='ending_number_once'),
        ),
        migrations.AddConstraint(
            model_name='ending',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['already_erased', 'no_match', 'not_learned', 'not_searched', 'refused'])), name='ending_known'),
        ),
        migrations.AddConstraint(
            model_name='ending',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'refused'), _negated=True), models.Q(('ground', ''), _negated=True), _connector='OR'), name='ending_refusal_has_ground'),
        ),
        migrations.AddConstraint(
            model_name='ending',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(('approved_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='ending_approver_is_not_proposer'),
        ),
        migrations.AddConstraint(
            model_name='ending',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', None), ('declined_by', None), _connector='OR'), name='ending_decided_once'),
        ),
    ]
