"""An e-mail that has lost its reason ends as no longer due."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0013_items_follow_the_matches")]
    operations = [
        migrations.AlterField(
            model_name="message",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("sent", "Sent"),
                    ("failed", "Failed"),
                    ("lapsed", "No longer due"),
                ],
                default="waiting",
                max_length=8,
            ),
        ),
    ]
