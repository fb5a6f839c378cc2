"""Checkpoints that models start from, and models that are imported.

What a checkpoint is never changes, nor what a recipe starts from, nor how it is known what made a version. Every version and
recipe that there is was trained here from random weights.
"""

import django.db.models.deletion
from django.db import migrations, models

OF_A_VERSION = (
    *("id", "name", "number", "snapshot_id", "recipe_id", "seed", "parent_id", "steps", "digest"),
    *("left_out", "ledger_sha256"),
)
OF_A_RECIPE = ("id", "digest", "body")
OF_A_CHECKPOINT = ("id", "name", "digest", "path", "about", "kind", "bytes")


def fixed(table: str, trigger: str, columns: tuple[str, ...]) -> str:
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"""
DROP TRIGGER IF EXISTS {trigger} ON {table};
CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (({new}) IS DISTINCT FROM ({old})) EXECUTE FUNCTION job_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
"""


KEPT = """
CREATE TRIGGER checkpoint_is_kept BEFORE DELETE ON unlearning_jobs_checkpoint FOR EACH ROW
    EXECUTE FUNCTION job_refuse_change();
ALTER TABLE unlearning_jobs_checkpoint ENABLE ALWAYS TRIGGER checkpoint_is_kept;
"""
VERSION = ("unlearning_jobs_modelversion", "model_version_is_fixed")
RECIPE = ("unlearning_jobs_registeredrecipe", "recipe_is_fixed")


class Migration(migrations.Migration):

    dependencies = [
        ('unlearning_jobs', '0015_one_key_of_contents'),
    ]

    operations = [
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(max_length=40, unique=True)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('path', models.CharField(max_length=300)),
                ('about', models.JSONField()),
                ('kind', models.CharField(max_length=60)),
                ('bytes', models.PositiveBigIntegerField()),
                ('stamp', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='registeredrecipe',
            name='checkpoint',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='recipes', to='unlearning_jobs.checkpoint'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='assurance',
            field=models.CharField(choices=[('reproduced', 'Trained here by its recipe'), ('declared', 'Trained elsewhere, by a declared recipe')], default='reproduced', max_length=10),
        ),
        migrations.AlterField(
            model_name='job',
            name='kind',
            field=models.CharField(choices=[('train', 'Train'), ('unlearn', 'Unlearn'), ('import', 'Import')], max_length=10),
        ),
        migrations.RunSQL(
            fixed(*VERSION, (*OF_A_VERSION, "assurance")) + fixed(*RECIPE, (*OF_A_RECIPE, "checkpoint_id")),
            fixed(*VERSION, OF_A_VERSION) + fixed(*RECIPE, OF_A_RECIPE),
        ),
        migrations.RunSQL(fixed("unlearning_jobs_checkpoint", "checkpoint_is_fixed", OF_A_CHECKPOINT) + KEPT, ""),
    ]
