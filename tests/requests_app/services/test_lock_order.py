"""Every act locks its request before anything else.

In which order it locks what comes after, and how, is watched in every test (`tests/lock_order.py`). Here is shown that the
watcher bites.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from requests_app.models import Item
from requests_app.services.requests import request_lock
from tests.factories import RECIPE
from tests.lock_order import LockOrderError
from tests.staging import Stage
from unlearning_jobs.services.ledger import ledger_lock
from unlearning_jobs.services.trainings import recipe_register

from .presses import ACTS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


@pytest.mark.parametrize("act", ACTS)
def test_every_act_locks_its_request_first(stage: Stage, act: str) -> None:
    press = ACTS[act].press(stage)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        press()
    statements = [query["sql"] for query in queries]
    first = next(sql for sql in statements if "FOR NO KEY UPDATE" in sql or "advisory" in sql or sql.startswith("UPDATE"))
    assert ' FROM "requests_app_erasurerequest" ' in first


@transaction.atomic
def item_before_request(item: Item) -> None:
    item.save()
    request_lock(item.request_id)


@transaction.atomic
def locked_for_update(item: Item) -> None:
    Item.objects.select_for_update().get(pk=item.pk)


@transaction.atomic
def record_before_ledger() -> None:
    recipe_register(recipe=replace(RECIPE, batch_size=3), actor="account:1")
    ledger_lock()


def test_what_locks_a_row_before_its_request_is_found(stage: Stage) -> None:
    with pytest.raises(LockOrderError, match="requests_app_erasurerequest was locked after requests_app_item;"):
        item_before_request(stage.reviewed())


def test_what_takes_a_number_of_the_record_before_the_ledger_is_found() -> None:
    with pytest.raises(LockOrderError, match="erasure-ledger was locked after record:recipe;"):
        record_before_ledger()


def test_what_keeps_others_from_referring_to_a_row_is_found(stage: Stage) -> None:
    with pytest.raises(LockOrderError, match="requests_app_item was locked FOR UPDATE"):
        locked_for_update(stage.reviewed())
