"""The time for an answer can be extended, once."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import compliance.encryption

CREATE = """
CREATE TRIGGER request_extension_is_fixed BEFORE UPDATE ON requests_app_erasurerequest FOR EACH ROW
    WHEN (OLD.extended_at IS NOT NULL AND (NEW.extended_at, NEW.extended_by_id, NEW.due_on)
        IS DISTINCT FROM (OLD.extended_at, OLD.extended_by_id, OLD.due_on))
    EXECUTE FUNCTION decision_refuse_change();
ALTER TABLE requests_app_erasurerequest ENABLE ALWAYS TRIGGER request_extension_is_fixed;
"""
DROP = "DROP TRIGGER request_extension_is_fixed ON requests_app_erasurerequest;"


class Migration(migrations.Migration):
    dependencies = [
        ("requests_app", "0019_search_answers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField("erasurerequest", "extended_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "erasurerequest",
            "extended_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "erasurerequest", "extension_reasons", compliance.encryption.EncryptedTextField(blank=True, default="")
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
