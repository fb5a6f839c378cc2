import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0008_browser_link")]
    operations = [
        migrations.AddField(
            model_name="browserlink",
            name="ordered_for",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AlterField(
            model_name="browserlink",
            name="account",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="browser_links",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
