"""The separation of duties, enforced by the database alone: no service stands in between."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from requests_app.models import ErasureRequest, Match, Proposal
from tests.staging import Stage

pytestmark = pytest.mark.django_db


def test_the_database_refuses_an_approver_who_proposed(stage: Stage) -> None:
    proposal = stage.proposed()
    with pytest.raises(IntegrityError, match=r"approver_is_not_proposer|approver_did_not_map"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(approved_by=stage.staff.omar)


def test_the_database_refuses_an_approver_who_mapped(stage: Stage) -> None:
    proposal = stage.proposed()
    Proposal.objects.filter(pk=proposal.pk).update(proposed_by=stage.staff.nils)
    with pytest.raises(IntegrityError, match="approver_did_not_map"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(approved_by=stage.staff.omar)


def test_the_database_refuses_an_approver_who_submitted(stage: Stage) -> None:
    proposal = stage.proposed()
    ErasureRequest.objects.filter(pk=stage.request.pk).update(submitted_by=stage.staff.lena)
    with pytest.raises(IntegrityError, match="approver_did_not_map"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(approved_by=stage.staff.lena)


def test_the_database_refuses_a_releaser_who_approved(stage: Stage) -> None:
    proposal = stage.evaluated()
    with pytest.raises(IntegrityError, match="releaser_is_not_approver"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(released_by=stage.staff.lena)


def test_the_database_refuses_the_release_of_what_did_not_pass(stage: Stage) -> None:
    proposal = stage.evaluated("failed")
    with pytest.raises(IntegrityError, match="only_passed_is_released"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(released_by=stage.staff.nils)


def test_the_database_refuses_a_mapper_who_approved(stage: Stage) -> None:
    stage.approved()
    with pytest.raises(IntegrityError, match="mapper_did_not_approve"), transaction.atomic():
        Match.objects.filter(request=stage.request).update(decided_by=stage.staff.lena)


def test_the_database_refuses_raw_sql_too(stage: Stage) -> None:
    proposal = stage.proposed()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE requests_app_proposal SET approved_by_id = %s WHERE id = %s", [stage.staff.omar.pk, proposal.pk]
        )
