"""Every act locks in the one order that `requests_app.services` writes down."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from compliance.formats.record_kinds import RecordKind
from tests.staging import Stage

from .presses import ACTS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]
LOCKED = [
    *("requests_app_erasurerequest", "requests_app_accesslink", "requests_app_searchorder", "requests_app_missedsample"),
    *("requests_app_item", "requests_app_proposal"),
    *("requests_app_ending", "unlearning_jobs_job", "unlearning_jobs_modelversion", "pg_advisory_xact_lock"),
    "unlearning_jobs_corpussnapshot",
]
"""The lock order of `requests_app.services`, as PostgreSQL knows the names."""


@pytest.mark.parametrize("kind", ACTS)
def test_every_act_locks_in_the_one_order(stage: Stage, kind: RecordKind) -> None:
    press = ACTS[kind](stage)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        press()
    statements = [query["sql"] for query in queries]
    assert not [sql for sql in statements if "FOR UPDATE" in sql], "it keeps others from referring to the row"
    locking = [sql for sql in statements if "FOR NO KEY UPDATE" in sql or "pg_advisory_xact_lock" in sql]
    places = [place_of(sql) for sql in locking]
    first = list(dict.fromkeys(places))
    assert first == sorted(first), [LOCKED[place] for place in first]
    assert first[0] == 0


def place_of(sql: str) -> int:
    """The place in the lock order of what a statement locks: the table after its FROM, or a number of the record."""
    locked = sql.partition(" FROM ")[2].split()[0].strip('"') if " FROM " in sql else "pg_advisory_xact_lock"
    return LOCKED.index(locked)
