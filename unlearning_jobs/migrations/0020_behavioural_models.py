from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('unlearning_jobs', '0019_noted_digests_stay'),
    ]

    operations = [
        migrations.AlterField(
            model_name='modelversion',
            name='assurance',
            field=models.CharField(choices=[('reproduced', 'Trained here by its recipe'), ('declared', 'Trained elsewhere, by a declared recipe'), ('behavioural', 'Trained elsewhere; nobody declared how')], default='reproduced', max_length=12),
        ),
    ]
