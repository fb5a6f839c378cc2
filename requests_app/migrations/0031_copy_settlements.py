"""What became of copies, for a request: it is settled once for good, or beyond use for a time, and a completed request has
settled every copy that its releases named.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CREATE = """
CREATE TRIGGER copy_settlement_is_fixed BEFORE UPDATE ON requests_app_copysettlement FOR EACH ROW
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_copysettlement ENABLE ALWAYS TRIGGER copy_settlement_is_fixed;
CREATE TRIGGER copy_settlement_is_kept BEFORE DELETE ON requests_app_copysettlement FOR EACH ROW
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_copysettlement ENABLE ALWAYS TRIGGER copy_settlement_is_kept;

CREATE FUNCTION copy_settled_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_copysettlement settled
               WHERE settled.request_id = NEW.request_id AND settled.copy_id = NEW.copy_id
                 AND settled.how <> 'beyond_use') THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER copy_settled_for_good BEFORE INSERT ON requests_app_copysettlement FOR EACH ROW
    EXECUTE FUNCTION copy_settled_for_good();
ALTER TABLE requests_app_copysettlement ENABLE ALWAYS TRIGGER copy_settled_for_good;

CREATE TRIGGER proposal_copies_are_fixed BEFORE UPDATE ON requests_app_proposal FOR EACH ROW
    WHEN (OLD.released_by_id IS NOT NULL AND NEW.copies IS DISTINCT FROM OLD.copies)
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_proposal ENABLE ALWAYS TRIGGER proposal_copies_are_fixed;

-- The service knows what day it is where the controller acts; here, a day more or less is the same.
CREATE FUNCTION request_check_copies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests_app_proposal proposal
               JOIN requests_app_item item ON item.id = proposal.item_id
               CROSS JOIN LATERAL jsonb_array_elements_text(proposal.copies) AS named(copy_id)
               WHERE item.request_id = NEW.id AND proposal.released_by_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM requests_app_copysettlement settled
                                 WHERE settled.request_id = NEW.id AND settled.copy_id = named.copy_id::bigint
                                   AND (settled.until IS NULL OR settled.until >= current_date - 1))) THEN
        RAISE EXCEPTION '%: % on % is refused.', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_copies_are_settled BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN (OLD.state <> 'closed' AND NEW.state = 'closed' AND NEW.outcome = 'completed')
    EXECUTE FUNCTION request_check_copies();
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_copies_are_settled;
"""
DROP = """
DROP TRIGGER request_copies_are_settled ON requests_app_erasurerequest;
DROP FUNCTION request_check_copies();
DROP TRIGGER proposal_copies_are_fixed ON requests_app_proposal;
DROP TRIGGER copy_settled_for_good ON requests_app_copysettlement;
DROP FUNCTION copy_settled_for_good();
DROP TRIGGER copy_settlement_is_kept ON requests_app_copysettlement;
DROP TRIGGER copy_settlement_is_fixed ON requests_app_copysettlement;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0030_suppressions'),
        ('unlearning_jobs', '0022_copies'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='proposal',
            name='copies',
            field=models.JSONField(default=list),
        ),
        migrations.CreateModel(
            name='CopySettlement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('how', models.CharField(choices=[('erased', 'Erased'), ('exempt', 'Exempt'), ('beyond_use', 'Beyond use')], max_length=10)),
                ('ground', models.CharField(blank=True, choices=[('17_1_a', 'Art. 17(1)(a): no longer necessary for its purpose'), ('17_1_b', 'Art. 17(1)(b): consent withdrawn'), ('17_1_c', 'Art. 17(1)(c): objection under Art. 21'), ('17_1_d', 'Art. 17(1)(d): processed unlawfully'), ('17_1_e', 'Art. 17(1)(e): erasure required by law'), ('17_1_f', 'Art. 17(1)(f): collected from a child for an online service'), ('rights', 'Copyright: the use was not, or is no longer, permitted'), ('17_3_a', 'Art. 17(3)(a): freedom of expression and information'), ('17_3_b', 'Art. 17(3)(b): legal obligation or public task'), ('17_3_c', 'Art. 17(3)(c): public health'), ('17_3_d', 'Art. 17(3)(d): archiving, research or statistics'), ('17_3_e', 'Art. 17(3)(e): legal claims'), ('12_5', 'Art. 12(5): manifestly unfounded or excessive'), ('no_right', 'Copyright: no right in the work, or no authority to act')], max_length=10)),
                ('until', models.DateField(null=True)),
                ('settled_at', models.DateTimeField(auto_now_add=True)),
                ('copy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='unlearning_jobs.copy')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='copy_settlements', to='requests_app.erasurerequest')),
                ('settled_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('request', 'copy', 'number'), name='copy_settlement_number_once'), models.UniqueConstraint(condition=models.Q(('how', 'beyond_use'), _negated=True), fields=('request', 'copy'), name='copy_settled_for_good_once'), models.CheckConstraint(condition=models.Q(models.Q(('ground', ''), ('how', 'erased'), ('until', None)), models.Q(('how', 'exempt'), ('until', None), models.Q(('ground', ''), _negated=True)), models.Q(('ground', ''), ('how', 'beyond_use'), ('until__isnull', False)), _connector='OR'), name='copy_settlement_in_full')],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
