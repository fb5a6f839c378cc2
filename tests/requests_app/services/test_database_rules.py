"""The separation of duties, enforced by the database alone: no service stands in between."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from requests_app.models import Ending, ErasureRequest, Match, Proposal, Search
from requests_app.services import decisions, mapping, matches
from requests_app.services.extensions import deadline_extend
from tests.endings import refusal_proposed
from tests.endings import refused as end_refused
from tests.staging import Stage, unguarded

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
    with unguarded("requests_app_erasurerequest", "request_is_fixed"):
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


REPLICA = "SET LOCAL session_replication_role = replica; "
APPROVED_CHANGES = {
    "method": """method = '{"name": "npo", "config": {}}'""",
    "protocol": "protocol = '{}'",
    "digest": "protocol_sha256 = repeat('0', 64)",
    "number": "number = number + 1",
    "item": "item_id = item_id + 1",
    "model": "base_id = base_id + 1",
    "proposer": "proposed_by_id = released_by_id",
    "approver": "approved_by_id = NULL, job_id = NULL",
    "time": "approved_at = approved_at - interval '1 day'",
    "id": "id = id + 1000",
}


def refused(*sql: str, rule: str, values: tuple[int | str, ...] | None = None) -> None:
    with pytest.raises(DatabaseError, match=rule), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("".join(sql), values)


@pytest.mark.parametrize("change", APPROVED_CHANGES.values(), ids=APPROVED_CHANGES)
@pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
def test_the_database_refuses_to_change_what_was_approved(stage: Stage, role: str, change: str) -> None:
    stage.approved()
    refused(role, "UPDATE requests_app_proposal SET ", change, rule="proposal_approved_is_fixed")


@pytest.mark.parametrize("change", ["job_id = NULL", "job_id = job_id + 1"])
def test_the_database_refuses_another_job_for_a_proposal(stage: Stage, change: str) -> None:
    stage.approved()
    refused("UPDATE requests_app_proposal SET ", change, rule="proposal_job_is_fixed")


@pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
@pytest.mark.parametrize("verdict", ["passed", "inconclusive", ""])
def test_the_database_refuses_to_change_a_verdict(stage: Stage, verdict: str, role: str) -> None:
    stage.evaluated("failed")
    refused(role, "UPDATE requests_app_proposal SET verdict = '", verdict, "'", rule="proposal_verdict_is_fixed")


def test_the_database_refuses_to_delete_what_was_approved(stage: Stage) -> None:
    stage.approved()
    refused("DELETE FROM requests_app_proposal", rule="proposal_approved_is_kept")
    refused("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE requests_app_proposal", rule="proposal_table_is_kept")


def test_a_proposal_that_waits_may_still_change(stage: Stage) -> None:
    proposal = stage.proposed()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_proposal SET protocol_sha256 = repeat('0', 64)")
    proposal.refresh_from_db()
    assert proposal.protocol_sha256 == "0" * 64


DECIDED_CHANGES = {
    "examples": ("""requests_app_item SET example_ids = '["e00000009"]'""", "item_approved_is_fixed"),
    "ground": ("requests_app_item SET ground = '17_1_d'", "item_approved_is_fixed"),
    "decider": ("requests_app_item SET decided_by_id = decided_by_id + 1", "item_approved_is_fixed"),
    "number": ("requests_app_item SET number = number + 1", "item_is_fixed"),
    "model": ("requests_app_item SET model_name = 'other'", "item_is_fixed"),
    "request": ("requests_app_item SET request_id = request_id + 1", "item_is_fixed"),
    "example": ("requests_app_match SET example_id = 'e00000009'", "match_approved_is_fixed"),
    "reference": ("requests_app_erasurerequest SET reference = 'LE-2222-2222'", "request_reference_is_fixed"),
}


@pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
@pytest.mark.parametrize(("change", "rule"), DECIDED_CHANGES.values(), ids=DECIDED_CHANGES)
def test_the_database_refuses_to_change_what_an_approval_rests_on(stage: Stage, role: str, change: str, rule: str) -> None:
    stage.approved()
    refused(role, "UPDATE ", change, rule=rule)


@pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
def test_the_database_refuses_to_delete_what_an_approval_rests_on(stage: Stage, role: str) -> None:
    stage.approved()
    refused(role, "DELETE FROM requests_app_match", rule="match_approved_is_kept")
    refused(role, "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE requests_app_match", rule="match_table_is_kept")
    refused(role, "DELETE FROM requests_app_item", rule="item_is_kept")


def test_matches_may_be_decided_again_and_examples_leave_an_item_only_by_two_officers(stage: Stage) -> None:
    stage.proposed()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_match SET decision = 'rejected'")
    refused("""UPDATE requests_app_item SET example_ids = '["e00000003"]'""", rule="item_corrected_by_two")


def test_the_database_lets_an_approved_item_gain_no_examples(stage: Stage) -> None:
    stage.approved()
    more = """UPDATE requests_app_item SET example_ids = '["e00000003", "e00000004", "e00000009"]'"""
    refused(more, rule="item_approved_is_fixed")


def test_the_database_refuses_to_change_a_refusal(stage: Stage) -> None:
    end_refused(stage)
    refused("UPDATE requests_app_item SET ground = '17_3_a'", rule="item_settled_is_fixed")


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
def test_the_database_refuses_to_decide_again_about_what_was_released(stage: Stage, role: str) -> None:
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    refused(role, "UPDATE requests_app_match SET decision = 'rejected'", rule="match_decided_is_fixed")


@pytest.mark.usefixtures("signing")
def test_the_database_refuses_another_releaser(stage: Stage) -> None:
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    refused("UPDATE requests_app_proposal SET released_by_id = proposed_by_id", rule="proposal_release_is_fixed")


def test_the_database_refuses_to_approve_what_was_declined(stage: Stage) -> None:
    decisions.proposal_decline(proposal=stage.proposed(), reason="The margins are too wide.", by=stage.staff.lena)
    approval = f"approved_by_id = {stage.staff.nils.pk}, declined_by_id = NULL"
    refused("UPDATE requests_app_proposal SET ", approval, rule="proposal_decline_is_fixed")


def test_the_database_refuses_an_approver_who_proposed_or_mapped(stage: Stage) -> None:
    ending = refusal_proposed(stage)
    approve = "UPDATE requests_app_ending SET approved_by_id = %s WHERE id = %s"
    refused(approve, rule="ending_approver", values=(stage.staff.omar.pk, ending.pk))
    Ending.objects.filter(pk=ending.pk).update(proposed_by=stage.staff.nils)
    refused(approve, rule="ending_approver_did_not_map", values=(stage.staff.omar.pk, ending.pk))


@pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
def test_the_database_refuses_a_refusal_by_one(stage: Stage, role: str) -> None:
    refusal_proposed(stage)
    refusal = "UPDATE requests_app_item SET state = 'refused', ground = '17_3_e', decided_by_id = %s"
    refused(role, refusal, rule="item_refused_by_two", values=(stage.staff.omar.pk,))


@pytest.mark.parametrize("outcome", ["refused", "no_match", "already_erased", "not_learned", "not_searched"])
@pytest.mark.usefixtures("stage")
def test_the_database_refuses_to_close_a_request_by_one(outcome: str) -> None:
    close = "UPDATE requests_app_erasurerequest SET state = 'closed', outcome = %s"
    refused(close, rule="request_ended_by_two", values=(outcome,))


def test_the_database_refuses_to_change_or_delete_what_was_approved(stage: Stage) -> None:
    end_refused(stage)
    refused("UPDATE requests_app_ending SET ground = '17_3_a'", rule="ending_decided_is_fixed")
    refused("UPDATE requests_app_ending SET approved_by_id = NULL", rule="ending_decided_is_fixed")
    refused("DELETE FROM requests_app_ending", rule="ending_approved_is_kept")
    refused("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE requests_app_ending", rule="ending_table_is_kept")


def test_the_database_refuses_a_mapper_who_approved_an_end(stage: Stage) -> None:
    end_refused(stage)
    with pytest.raises(DatabaseError, match="mapper_did_not"), transaction.atomic():
        Match.objects.update(decided_by=stage.staff.lena, decided_at=timezone.now())


CLOSED_CHANGES = {
    "checkpoints": ("requests_app_erasurerequest SET from_checkpoints = 7", "request_closed_is_final"),
    "declared": ("requests_app_erasurerequest SET declared = 7", "request_closed_is_final"),
    "vocabularies": ("requests_app_erasurerequest SET vocabularies = NULL", "request_closed_is_final"),
    "language": ("requests_app_erasurerequest SET language = 'de'", "request_closed_is_final"),
    "match": ("requests_app_match SET decision = 'open', decided_by_id = NULL", "match_decided_is_fixed"),
}


@pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
@pytest.mark.parametrize(("change", "rule"), CLOSED_CHANGES.values(), ids=CLOSED_CHANGES)
def test_the_database_refuses_to_change_what_a_closed_letter_says(stage: Stage, role: str, change: str, rule: str) -> None:
    end_refused(stage)
    refused(role, "UPDATE ", change, rule=rule)


def test_the_database_refuses_to_change_what_was_rejected_in_a_closed_request(stage: Stage) -> None:
    """The last letter counts what two officers took out, as long as it is rejected."""
    rejected, accepted = list(stage.request.matches.values_list("pk", flat=True)[:1]), stage.request.matches.all()[1:]
    matches.matches_decide(request=stage.request, match_ids=rejected, accept=False, by=stage.staff.omar)
    matches.matches_decide(request=stage.request, match_ids=[one.pk for one in accepted], accept=True, by=stage.staff.omar)
    mapping.review_complete(request=stage.request, by=stage.staff.omar)
    end_refused(stage, stage.request.items.get())
    refused("UPDATE requests_app_match SET decision = 'open' WHERE decision = 'rejected'", rule="match_of_closed_is_fixed")
    refused("DELETE FROM requests_app_match WHERE decision = 'rejected'", rule="match_of_closed_is_kept")


@pytest.mark.parametrize("table", ["search", "ending", "match"])
def test_the_database_refuses_what_a_closed_letter_would_read_next(stage: Stage, table: str) -> None:
    end_refused(stage)
    model = {"search": Search, "ending": Ending, "match": Match}[table]
    row = model._default_manager.order_by("-pk")[0]
    row.pk = None
    for name in ("number", "example_id"):
        if hasattr(row, name):
            setattr(row, name, 99)
    with pytest.raises(DatabaseError, match="case_is_open"), transaction.atomic():
        row.save(force_insert=True)


def test_the_database_refuses_to_change_why_an_answer_took_longer(stage: Stage) -> None:
    deadline_extend(
        request=stage.request,
        months=1,
        reasons="The corpora are many and large, and so it takes longer.",
        by=stage.staff.omar,
    )
    refused(r"UPDATE requests_app_erasurerequest SET extension_reasons = '\x00'", rule="request_extension_reasons_are_fixed")
