"""Requests that wait for a search get the row by which workers take it."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def order(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    orders = apps.get_model("requests_app", "SearchOrder").objects
    waiting = apps.get_model("requests_app", "ErasureRequest").objects.filter(state="mapping", search_orders=None)
    for pk in waiting.values_list("pk", flat=True):
        orders.create(request_id=pk)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0017_leased_searches")]
    operations = [migrations.RunPython(order, migrations.RunPython.noop)]
