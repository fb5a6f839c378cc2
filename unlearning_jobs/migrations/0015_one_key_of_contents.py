"""Which key contents are noted under: that of the first snapshot of which any were noted."""

from django.db import migrations, models


def key_note(apps, _editor):
    noted = apps.get_model("unlearning_jobs", "CorpusSnapshot").objects.exclude(contents_key="").order_by("pk").first()
    if noted:
        apps.get_model("unlearning_jobs", "ContentsKey").objects.create(pk=1, key_id=noted.contents_key)


class Migration(migrations.Migration):

    dependencies = [
        ('unlearning_jobs', '0014_training_contents'),
    ]

    operations = [
        migrations.CreateModel(
            name='ContentsKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_id', models.CharField(max_length=16)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_key_of_contents')],
            },
        ),
        migrations.RunPython(key_note, migrations.RunPython.noop),
    ]
