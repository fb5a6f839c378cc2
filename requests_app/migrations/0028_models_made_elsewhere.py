from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0027_samples_know_what_was_added'),
    ]

    operations = [
        migrations.AddField(
            model_name='erasurerequest',
            name='from_checkpoints',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='erasurerequest',
            name='declared',
            field=models.PositiveIntegerField(null=True),
        ),
    ]
