"""Erasures in data stores, for a request: what was ordered, listed and approved stays, what is over is final, another officer
approves and another one settles, and no request is closed while one is open, unless it is withdrawn.
"""

import compliance.encryption
import django.db.models.deletion
import unlearning_jobs.ringing
from django.conf import settings
from django.db import migrations, models

CREATE = """
CREATE TRIGGER store_erasure_is_fixed BEFORE UPDATE ON requests_app_storeerasure FOR EACH ROW
    WHEN ((NEW.id, NEW.request_id, NEW.number, NEW.store_id, NEW.description, NEW.store_sha256, NEW.ground,
           NEW.ordered_by_id, NEW.created_at)
        IS DISTINCT FROM
          (OLD.id, OLD.request_id, OLD.number, OLD.store_id, OLD.description, OLD.store_sha256, OLD.ground,
           OLD.ordered_by_id, OLD.created_at)
        OR (OLD.approved_by_id IS NOT NULL
            AND (NEW.documents, NEW.of, NEW.listing_sha256, NEW.approved_by_id, NEW.approved_at)
                IS DISTINCT FROM (OLD.documents, OLD.of, OLD.listing_sha256, OLD.approved_by_id, OLD.approved_at))
        OR (OLD.stage IN ('nothing', 'given_up', 'settled')
            AND (NEW.stage, NEW.verdict, NEW.places, NEW.result_sha256, NEW.deleting, NEW.over_by_id, NEW.over_at)
                IS DISTINCT FROM
                (OLD.stage, OLD.verdict, OLD.places, OLD.result_sha256, OLD.deleting, OLD.over_by_id, OLD.over_at)))
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_storeerasure ENABLE ALWAYS TRIGGER store_erasure_is_fixed;
CREATE TRIGGER store_erasure_is_kept BEFORE DELETE ON requests_app_storeerasure FOR EACH ROW
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_storeerasure ENABLE ALWAYS TRIGGER store_erasure_is_kept;
CREATE TRIGGER store_erasure_table_is_kept BEFORE TRUNCATE ON requests_app_storeerasure FOR EACH STATEMENT
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_storeerasure ENABLE ALWAYS TRIGGER store_erasure_table_is_kept;

CREATE FUNCTION store_erasure_check_approver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_erasurerequest request
               WHERE request.id = NEW.request_id AND request.submitted_by_id = NEW.approved_by_id) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER store_erasure_approver_did_not_submit BEFORE INSERT OR UPDATE ON requests_app_storeerasure FOR EACH ROW
    WHEN (NEW.approved_by_id IS NOT NULL) EXECUTE FUNCTION store_erasure_check_approver();
ALTER TABLE requests_app_storeerasure ENABLE ALWAYS TRIGGER store_erasure_approver_did_not_submit;

CREATE FUNCTION request_check_store_erasures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_storeerasure erasure
               WHERE erasure.request_id = NEW.id AND erasure.stage NOT IN ('nothing', 'given_up', 'settled')) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_store_erasures_are_over BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN (OLD.state <> 'closed' AND NEW.state = 'closed' AND NEW.outcome NOT IN ('withdrawn', 'unconfirmed'))
    EXECUTE FUNCTION request_check_store_erasures();
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_store_erasures_are_over;
"""
DROP = """
DROP TRIGGER request_store_erasures_are_over ON requests_app_erasurerequest;
DROP FUNCTION request_check_store_erasures();
DROP TRIGGER store_erasure_approver_did_not_submit ON requests_app_storeerasure;
DROP FUNCTION store_erasure_check_approver();
DROP TRIGGER store_erasure_table_is_kept ON requests_app_storeerasure;
DROP TRIGGER store_erasure_is_kept ON requests_app_storeerasure;
DROP TRIGGER store_erasure_is_fixed ON requests_app_storeerasure;
"""
ENDED = "'refused', 'no_match', 'already_erased', 'not_learned', 'not_searched', 'no_influence'"
DROP_ENDS = """
DROP TRIGGER request_check_ending_new ON requests_app_erasurerequest;
DROP TRIGGER request_check_ending ON requests_app_erasurerequest;
"""
CREATE_ENDS = """
CREATE TRIGGER request_check_ending_new BEFORE INSERT ON requests_app_erasurerequest
    FOR EACH ROW WHEN (NEW.outcome IN ({ended})) EXECUTE FUNCTION request_check_ending();
CREATE TRIGGER request_check_ending BEFORE UPDATE ON requests_app_erasurerequest
    FOR EACH ROW WHEN (OLD.outcome <> NEW.outcome AND NEW.outcome IN ({ended})) EXECUTE FUNCTION request_check_ending();
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_check_ending_new;
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_check_ending;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0031_copy_settlements'),
        ('unlearning_jobs', '0023_data_stores'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='StoreErasure',
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
                ('description', models.JSONField()),
                ('store_sha256', models.CharField(max_length=64)),
                ('ground', models.CharField(choices=[('17_1_a', 'Art. 17(1)(a): no longer necessary for its purpose'), ('17_1_b', 'Art. 17(1)(b): consent withdrawn'), ('17_1_c', 'Art. 17(1)(c): objection under Art. 21'), ('17_1_d', 'Art. 17(1)(d): processed unlawfully'), ('17_1_e', 'Art. 17(1)(e): erasure required by law'), ('17_1_f', 'Art. 17(1)(f): collected from a child for an online service'), ('rights', 'Copyright: the use was not, or is no longer, permitted'), ('17_3_a', 'Art. 17(3)(a): freedom of expression and information'), ('17_3_b', 'Art. 17(3)(b): legal obligation or public task'), ('17_3_c', 'Art. 17(3)(c): public health'), ('17_3_d', 'Art. 17(3)(d): archiving, research or statistics'), ('17_3_e', 'Art. 17(3)(e): legal claims'), ('12_5', 'Art. 12(5): manifestly unfounded or excessive'), ('no_right', 'Copyright: no right in the work, or no authority to act')], max_length=10)),
                ('sought', compliance.encryption.EncryptedTextField(blank=True, default='')),
                ('stage', models.CharField(choices=[('finding', 'Searching the store'), ('nothing', 'Nothing found in the store'), ('listed', 'List awaits approval'), ('erasing', 'Erasing'), ('ended', 'Result awaits acceptance'), ('settled', 'Settled'), ('given_up', 'Given up')], default='finding', max_length=10)),
                ('documents', models.PositiveIntegerField(default=0)),
                ('of', models.PositiveIntegerField(default=0)),
                ('listing_sha256', models.CharField(blank=True, max_length=64)),
                ('approved_at', models.DateTimeField(null=True)),
                ('deleting', models.BooleanField(default=False)),
                ('results', models.PositiveSmallIntegerField(default=0)),
                ('verdict', models.CharField(blank=True, choices=[('passed', 'Passed'), ('failed', 'Failed'), ('inconclusive', 'Inconclusive')], max_length=12)),
                ('places', models.PositiveIntegerField(default=0)),
                ('result_sha256', models.CharField(blank=True, max_length=64)),
                ('over_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['number'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='ending',
            name='ending_known',
        ),
        migrations.AlterField(
            model_name='ending',
            name='outcome',
            field=models.CharField(choices=[('completed', 'Completed'), ('refused', 'Refused'), ('no_match', 'Nothing found'), ('already_erased', 'Already erased'), ('not_learned', 'In no model in use'), ('no_influence', 'No measurable influence'), ('not_searched', 'Could not be searched in full'), ('in_stores', 'Documents in data stores only'), ('not_concerned', 'Not the claimant’s'), ('withdrawn', 'Withdrawn'), ('unconfirmed', 'Never confirmed')], max_length=14),
        ),
        migrations.AlterField(
            model_name='erasurerequest',
            name='outcome',
            field=models.CharField(blank=True, choices=[('completed', 'Completed'), ('refused', 'Refused'), ('no_match', 'Nothing found'), ('already_erased', 'Already erased'), ('not_learned', 'In no model in use'), ('no_influence', 'No measurable influence'), ('not_searched', 'Could not be searched in full'), ('in_stores', 'Documents in data stores only'), ('not_concerned', 'Not the claimant’s'), ('withdrawn', 'Withdrawn'), ('unconfirmed', 'Never confirmed')], max_length=14),
        ),
        migrations.AddConstraint(
            model_name='ending',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['already_erased', 'in_stores', 'no_influence', 'no_match', 'not_concerned', 'not_learned', 'not_searched', 'refused'])), name='ending_known'),
        ),
        migrations.AddField(
            model_name='storeerasure',
            name='approved_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='storeerasure',
            name='ordered_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='storeerasure',
            name='over_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='storeerasure',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='store_erasures', to='requests_app.erasurerequest'),
        ),
        migrations.AddField(
            model_name='storeerasure',
            name='store',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='unlearning_jobs.datastore'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.UniqueConstraint(fields=('request', 'number'), name='store_erasure_number_once'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', False), _connector='OR'), name='store_erasure_running_has_lease'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(('runs__lte', models.F('max_runs'))), name='store_erasure_runs_bounded'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'failed'), _negated=True), models.Q(('error_code', ''), _negated=True), _connector='OR'), name='store_erasure_failed_has_error'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(('approved_by', models.F('ordered_by')), _negated=True), _connector='OR'), name='store_erasure_approver_did_not_order'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('stage', 'settled'), _negated=True), models.Q(('over_by__isnull', False), models.Q(('over_by', models.F('approved_by')), _negated=True)), _connector='OR'), name='store_erasure_settled_by_another'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['finding', 'nothing', 'listed', 'given_up']), models.Q(('approved_by__isnull', False), ('documents__gt', 0), models.Q(('listing_sha256', ''), _negated=True)), _connector='OR'), name='store_erasure_carried_out_if_approved'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('stage__in', ['ended', 'settled']), _negated=True), models.Q(('verdict__in', ('passed', 'failed', 'inconclusive')), models.Q(('result_sha256', ''), _negated=True)), _connector='OR'), name='store_erasure_has_result'),
        ),
        migrations.AddConstraint(
            model_name='storeerasure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('over_at__isnull', False), ('stage__in', ('nothing', 'given_up', 'settled'))), ('over_at', None), _connector='OR'), name='store_erasure_over_in_full'),
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(
            DROP_ENDS + CREATE_ENDS.format(ended=f"{ENDED}, 'in_stores'"), DROP_ENDS + CREATE_ENDS.format(ended=ENDED)
        ),
    ]
