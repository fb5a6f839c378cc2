"""Unsent answers have a table of their own, from which they are deleted after two hours.

They were kept in sessions, for as long as these: weeks. So every session ends here, those of staff included.
"""

from django.db import migrations, models


def end_sessions(apps, _schema_editor):
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0005_mail_is_tried_for_days"), ("sessions", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="UnsentAnswers",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("sealed", models.BinaryField()),
                ("touched_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunPython(end_sessions, migrations.RunPython.noop),
    ]
