"""Which jobs have a report to sign. What a signed report holds is in tests/compliance."""

from __future__ import annotations

import pytest

from compliance.record.errors import StaleStateError
from compliance.record.models import Attestation
from tests.factories import unlearning_job
from unlearning_jobs.services.reports import report_sign

pytestmark = pytest.mark.django_db


def test_a_job_that_has_not_completed_has_no_report_to_sign() -> None:
    with pytest.raises(StaleStateError, match="only completed unlearning jobs"):
        report_sign(job_id=unlearning_job().pk)
    assert not Attestation.objects.exists()
