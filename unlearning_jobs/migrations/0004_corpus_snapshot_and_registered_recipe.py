from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("unlearning_jobs", "0003_what_jobs_took")]
    operations = [
        migrations.RenameModel("Snapshot", "CorpusSnapshot"),
        migrations.RenameModel("Recipe", "RegisteredRecipe"),
    ]
