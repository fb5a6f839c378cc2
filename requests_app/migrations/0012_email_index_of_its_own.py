"""The index of e-mail addresses under a key of its own: it was made under the first of DATA_KEYS, and lost by rotating them."""

from django.db import migrations

from compliance.encryption import keyed_index


def indexed_again(apps, _schema_editor):
    requests = apps.get_model("requests_app", "ErasureRequest").objects
    for request in requests.only("pk", "email", "email_index").iterator(chunk_size=500):
        requests.filter(pk=request.pk).update(email_index=keyed_index(request.email, "email"))


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0011_later_reviews_and_ends")]
    operations = [migrations.RunPython(indexed_again, migrations.RunPython.noop)]
