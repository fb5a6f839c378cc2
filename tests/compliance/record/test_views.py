"""Reports, entries and the checkpoint through the pages."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.evidence.consistency import verify_extension
from compliance.evidence.tlog_proofs import TlogProof
from compliance.evidence.trust import TrustFile
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import LogInconsistentError
from compliance.record.models import Attestation, RecordEntry, SignedCheckpoint, TrustManifest
from compliance.record.selectors import checkpoint_latest
from compliance.record.services import record_append
from compliance.record.signing import checkpoint_sign
from tests.personas import client_of
from tests.staging import Stage
from tests.web.pages import Site, text_of

from .superuser import superuser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing", "artefacts")]


def csv_of(client: Client, path: str) -> list[str]:
    return b"".join(client.get(path)).decode().splitlines()


# -- who may open what


def paths(stage: Stage) -> dict[str, str]:
    return {
        "reports": "/record/reports/",
        "attestation": f"/record/reports/{Attestation.objects.get().sha256}/",
        "envelope": f"/record/reports/{Attestation.objects.get().sha256}/envelope.dsse.json",
        "entries": "/record/entries/",
        "entry": f"/record/entries/{RecordEntry.objects.earliest('id').pk}/",
        "bundle": f"/record/bundles/{stage.request.reference}/",
    }


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("iris", set()),
        ("omar", {"entries", "entry"}),
        ("eva", {"entries", "entry", "bundle"}),
        ("max", {"reports", "attestation", "envelope", "entries", "entry", "bundle"}),
    ],
)
def test_each_role_reads_what_belongs_to_it(stage: Stage, name: str, refused: set[str]) -> None:
    client = client_of(getattr(stage.staff, name))
    statuses = {key: client.get(path).status_code for key, path in paths(stage).items()}
    assert {key for key, status in statuses.items() if status == 403} == refused
    assert {status for key, status in statuses.items() if key not in refused} <= {200}


def test_nobody_without_an_account_reads_the_record(stage: Stage) -> None:
    assert {client_of(None).get(path).status_code for path in paths(stage).values()} == {302}


def test_an_account_that_was_closed_reads_nothing(stage: Stage) -> None:
    client = client_of(stage.staff.mallory())
    assert {client.get(path).status_code for path in paths(stage).values()} == {302}


# -- reports


def test_a_report_is_listed_with_its_verdict(stage: Stage, iris: Site) -> None:
    page = iris.get("/record/reports/")
    row = text_of(page.all("tr")[1])
    assert row.startswith(f"{stage.request.reference} item-1 1 Report npo passed")


@pytest.mark.parametrize(("query", "count"), [("verdict=passed", 1), ("verdict=failed", 0), ("type=release", 0)])
def test_reports_are_filtered_in_list_and_csv_alike(iris: Site, query: str, count: int) -> None:
    assert len(iris.get(f"/record/reports/?{query}").all("th", scope="row")) == count
    assert len(csv_of(iris.client, f"/record/reports/?{query}&format=csv")) == 1 + count


def test_reports_are_filtered_by_the_day_they_were_signed(iris: Site) -> None:
    assert not iris.get("/record/reports/?until=2020-01-01").all("th", scope="row")
    assert iris.get("/record/reports/?since=2020-01-01").all("th", scope="row")


def test_a_day_that_does_not_exist_is_an_error_beside_the_field(iris: Site) -> None:
    assert iris.get("/record/reports/?since=2026-02-30").field_error("since")


def test_an_attestation_says_who_signed_what(iris: Site) -> None:
    row = Attestation.objects.get()
    page = iris.get(f"/record/reports/{row.sha256}/")
    assert row.sha256 in page.words
    assert "report/item-1-1/result.json" in page.words
    assert "It covers this model version only" in page.words
    assert page.link("Open the report").startswith("/jobs/reports/")


def test_the_envelope_comes_byte_for_byte(iris: Site) -> None:
    row = Attestation.objects.get()
    assert iris.client.get(f"/record/reports/{row.sha256}/envelope.dsse.json").content == bytes(row.envelope)


# -- entries


def test_entries_are_filtered_by_subject_and_kind(stage: Stage, iris: Site) -> None:
    page = iris.get(f"/record/entries/?subject={stage.request.subject}&kind=proposal")
    kinds = [text_of(code) for code in page.all("code")]
    assert kinds == ["proposal.approved", "proposal.submitted"]


def test_the_csv_of_entries_holds_exactly_the_filtered_ones(stage: Stage, iris: Site) -> None:
    lines = csv_of(iris.client, f"/record/entries/?subject={stage.request.subject}&format=csv")
    assert lines[0] == "index,subject,number,kind,at,actor,data"
    assert len(lines) - 1 == RecordEntry.objects.filter(subject=stage.request.subject).count()


def test_the_list_of_entries_takes_a_constant_number_of_queries(iris: Site) -> None:
    with CaptureQueriesContext(connection) as few:
        iris.get("/record/entries/?kind=keys")
    with CaptureQueriesContext(connection) as many:
        iris.get("/record/entries/")
    assert len(few) == len(many)


def test_an_entry_carries_a_proof_that_other_tools_verify(iris: Site) -> None:
    entry = RecordEntry.objects.earliest("id")
    page = iris.get(f"/record/entries/{entry.pk}/")
    assert "Proof that it is in the log" in page.words
    body = iris.client.get(f"/record/entries/{entry.pk}/entry.json").content
    proof = TlogProof.from_bytes(iris.client.get(f"/record/entries/{entry.pk}/entry.tlog-proof").content)
    trust = TrustFile.from_bytes(bytes(TrustManifest.objects.get().body))
    proof.verify(body, trust.origin, [key.public_key for key in trust.with_role("log")])


def test_an_entry_that_no_checkpoint_covers_says_so(stage: Stage, iris: Site) -> None:
    entry = record_append(subject=stage.request.subject, kind=RecordKind.REQUEST_CONFIRMED, actor="system", data={})
    assert "No signed checkpoint covers this entry yet" in iris.get(f"/record/entries/{entry.pk}/").words
    assert iris.client.get(f"/record/entries/{entry.pk}/entry.tlog-proof").status_code == 404


def test_the_checkpoint_is_public_plain_text(stage: Stage, client: Client) -> None:
    response = client.get("/record/checkpoint")
    assert response["Content-Type"].startswith("text/plain")
    assert response.content.decode().startswith("lethe.example/local\n")
    assert stage.request.reference not in response.content.decode()


def test_without_a_checkpoint_it_is_not_found(client: Client) -> None:
    assert client.get("/record/checkpoint").status_code == 404


@pytest.mark.usefixtures("stage")
def test_the_record_says_that_the_signing_process_raised_its_alarm(iris: Site) -> None:
    assert "raised its alarm" not in iris.get("/record/entries/").words
    with superuser():
        SignedCheckpoint.objects.all().delete()
    with pytest.raises(LogInconsistentError):
        checkpoint_sign()
    words = iris.get("/record/entries/").words
    assert "The signing process has raised its alarm" in words
    assert "nothing can be released. The record is not the one that was signed before: the checkpoint of" in words


def test_anybody_fetches_the_proof_that_the_log_only_grew(stage: Stage, client: Client) -> None:  # noqa: ARG001  # signs
    old = checkpoint_latest()
    record_append(subject="account:77", kind=RecordKind.ACCOUNT_CREATED, actor="system", data={"role": "officer"})
    new = checkpoint_sign()
    assert old is not None
    assert new is not None
    proof = client.get(f"/record/consistency/{old.size}/{new.size}").content
    trust = TrustFile.from_bytes(bytes(TrustManifest.objects.get().body))
    older, newer = verify_extension(old.note.encode(), new.note.encode(), proof, trust)
    assert (older.size, newer.size) == (old.size, new.size)
    for sizes in (f"0/{new.size}", f"{new.size}/{old.size}", f"{old.size}/{new.size + 1}"):
        assert client.get(f"/record/consistency/{sizes}").status_code == 404
