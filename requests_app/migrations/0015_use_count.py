"""How often the public forms were used, in keyed digests; unconfirmed requests no longer count against an address."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0014_mail_no_longer_due")]
    operations = [
        migrations.CreateModel(
            name="UseCount",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("uses", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
