from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("requests_app", "0002_separation_of_duties"),
        ("unlearning_jobs", "0004_corpus_snapshot_and_registered_recipe"),
    ]
    operations = [
        migrations.RemoveConstraint("match", "match_once"),
        migrations.RenameField("match", "record_id", "example_id"),
        migrations.RenameField("item", "record_ids", "example_ids"),
        migrations.AddConstraint(
            "match", models.UniqueConstraint(fields=("request", "snapshot", "example_id"), name="match_once")
        ),
    ]
