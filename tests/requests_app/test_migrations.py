"""Rows that an earlier version wrote keep their meaning."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.migrations import migrated

pytestmark = pytest.mark.django_db
APP = "requests_app"


def test_what_waited_is_due_and_what_was_given_up_stays_so() -> None:
    old = migrated(APP, "0003_example_ids")
    now = timezone.now()
    request = old.get_model(APP, "ErasureRequest").objects.create(
        reference="LE-2222-2222", kind="erasure", language="en", submission_key="1", received_at=now, due_on=now.date()
    )
    for state in ("waiting", "sent", "failed"):
        old.get_model(APP, "Message").objects.create(request=request, template="confirm_address", state=state)

    after = migrated(APP, "0005_mail_is_tried_for_days").get_model(APP, "Message").objects
    due = {message.state: message.next_attempt_at for message in after.all()}
    assert due["waiting"] is not None
    assert due["waiting"] <= timezone.now()
    assert due["sent"] is due["failed"] is None
