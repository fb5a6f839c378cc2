"""The evidence bundle of a request through the pages."""

from __future__ import annotations

import io
import zipfile

import pytest

from compliance.formats.record_kinds import RecordKind
from compliance.record.services import record_append
from compliance.record.signing import checkpoint_sign
from tests.compliance.conftest import bundle_of
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing", "artefacts")]


def test_sealing_then_a_checkpoint_makes_the_bundle_ready(stage: Stage, iris: Site) -> None:
    address = f"/record/bundles/{stage.request.reference}/"
    waiting = iris.submit(iris.get(address), action=address)
    assert "Waiting for the signing process" in waiting.words
    assert "HX-Refresh" not in iris.client.get(f"{address}progress/")
    assert iris.client.get(f"{address}bundle.zip").status_code == 404
    checkpoint_sign()
    assert iris.client.get(f"{address}progress/")["HX-Refresh"] == "true"
    assert iris.get(address).link("Download the bundle") == f"{address}bundle.zip"


def test_the_bundle_is_one_folder_named_after_the_request_without_personal_data(stage: Stage, iris: Site) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle_of(stage, iris))) as archive:
        names = archive.namelist()
        everything = b"".join(map(archive.read, names))
    assert {name.split("/")[0] for name in names} == {stage.request.reference}
    assert stage.request.name.encode() not in everything
    assert stage.request.email.encode() not in everything


def test_a_run_that_is_not_signed_yet_cannot_be_sealed(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.evaluated()
    address = f"/record/bundles/{stage.request.reference}/"
    site = signed_in(staff.iris)
    page = site.submit(site.get(address), action=address, status=409)
    assert "A report or a release is not signed yet." in page.words


def test_a_history_that_has_grown_can_be_sealed_again(stage: Stage, iris: Site) -> None:
    bundle_of(stage, iris)
    record_append(subject=stage.request.subject, kind=RecordKind.REQUEST_CONFIRMED, actor="system", data={})
    assert "has grown since" in iris.get(f"/record/bundles/{stage.request.reference}/").words


def test_a_request_that_the_record_does_not_know_has_no_bundle(iris: Site) -> None:
    for page in ("", "progress/", "bundle.zip"):
        assert iris.client.get(f"/record/bundles/LE-2222-2222/{page}").status_code == 404
