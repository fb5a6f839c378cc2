"""Every act locks its request before anything else, and no row so that others cannot refer to it.

In which order it locks what comes after is watched in every test (`tests/lock_order.py`).
"""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.staging import Stage

from .presses import ACTS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


@pytest.mark.parametrize("act", ACTS)
def test_every_act_locks_its_request_first(stage: Stage, act: str) -> None:
    press = ACTS[act].press(stage)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        press()
    statements = [query["sql"] for query in queries]
    assert not [sql for sql in statements if "FOR UPDATE" in sql], "it keeps others from referring to the row"
    first = next(sql for sql in statements if "FOR NO KEY UPDATE" in sql or "advisory" in sql or sql.startswith("UPDATE"))
    assert ' FROM "requests_app_erasurerequest" ' in first
