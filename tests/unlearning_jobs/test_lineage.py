"""The lineage of a model is an ML-BOM that public tools read, and it names what was withdrawn by commitment alone."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.core.management import CommandError, call_command

from compliance.evidence.statements import forget_set_digest
from compliance.record.selectors import signed_report
from requests_app.services import decisions
from tests.copies import copy_of
from tests.factories import account
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained
from tests.web.pages import signed_in
from unlearning_jobs.models import Copy, ModelVersion
from unlearning_jobs.services.copies import copy_register, copy_retire

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    """A model of which a copy and a copy of that were taken; then a new version was released in its place."""
    stage = Stage.opened(staff, trained(corpus())).searched()
    phone = copy_register(name="phone", kind="quantised", of=stage.model, place="At Example Ltd.", by=None, sha256="a" * 64)
    copy_of(phone, "cached", "cache")
    copy_of(stage.model.snapshot, "tape", "backup")
    decisions.item_release(proposal=stage.signed(), by=staff.nils)
    return stage


def exported(folder: Path, name: str = "keeper") -> str:
    call_command("lineage_export", name, "--out", str(folder / "bom.json"), stdout=StringIO())
    return (folder / "bom.json").read_text()


def read(text: str) -> Bom:
    """As a licensee's tool would."""
    found = Bom.from_json(json.loads(text))  # type: ignore[attr-defined]  # its decorator adds it
    assert isinstance(found, Bom)
    return found


def said(component: Component) -> dict[str, Any]:
    return {one.name: one.value for one in component.properties}


def digests(component: Component) -> list[str]:
    return [one.content for one in component.hashes]


def test_it_keeps_to_the_official_schema(stage: Stage, tmp_path: Path) -> None:
    assert stage
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(exported(tmp_path)) is None


def test_a_public_tool_reads_models_corpora_copies_and_what_they_come_from(stage: Stage, tmp_path: Path) -> None:
    bom = read(exported(tmp_path))
    main = bom.metadata.component
    assert main is not None
    newest = ModelVersion.objects.get(name="keeper", state="active")
    assert (main.name, main.version, main.type) == ("keeper", "2", ComponentType.MACHINE_LEARNING_MODEL)
    assert digests(main) == [newest.digest]
    assert main.pedigree is not None
    assert [(one.name, one.version) for one in main.pedigree.ancestors] == [("keeper", "1")]
    by_ref = {one.bom_ref.value: one for one in bom.components}
    held = by_ref[f"corpus:harbour@{stage.model.snapshot.digest[:16]}"]
    assert held.type == ComponentType.DATA
    assert said(held)["lethe:manifest_root"] == stage.model.snapshot.merkle_root
    assert digests(by_ref["copy:phone"]) == ["a" * 64]
    cached, tape = by_ref["copy:cached"], by_ref["copy:tape"]
    assert cached.pedigree is not None
    assert [one.name for one in cached.pedigree.ancestors] == ["phone"]
    assert (said(cached)["lethe:copy_kind"], tape.type) == ("cache", ComponentType.DATA)
    assert bom.validate()


def test_what_was_withdrawn_is_named_by_commitment_and_nothing_else_of_the_case_is(stage: Stage, tmp_path: Path) -> None:
    text = exported(tmp_path)
    [withdrawn] = [one for one in read(text).components if one.name == "withdrawn-examples"]
    job = stage.item.proposals.get().job
    assert job is not None
    forget = forget_set_digest(job.spec["forget_ids"])
    report = signed_report(subject=stage.request.subject, item="item-1", attempt=1)
    assert report is not None
    assert digests(withdrawn) == [forget]
    assert said(withdrawn)["lethe:report_envelope_sha256"] == report.sha256
    for secret in (ADA, stage.request.reference, "e0000000", "At Example Ltd.", "contract 7"):
        assert secret not in text


def test_the_same_rows_give_the_same_bytes_and_a_change_another_number(stage: Stage, tmp_path: Path) -> None:
    first = exported(tmp_path)
    assert exported(tmp_path) == first
    copy_retire(copy=Copy.objects.get(name="phone"), by=stage.staff.eva)
    again = json.loads(exported(tmp_path))
    assert again["serialNumber"] != json.loads(first)["serialNumber"]
    [phone] = [one for one in again["components"] if one["name"] == "phone"]
    assert "lethe:retired_at" in {one["name"] for one in phone["properties"]}


def test_a_result_that_was_not_released_is_no_part_of_it(staff: Staff, artefacts: Path, tmp_path: Path) -> None:
    assert artefacts
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.signed()
    bom = read(exported(tmp_path))
    assert bom.metadata.component is not None
    assert bom.metadata.component.version == "1"
    assert {one.name for one in bom.components} == {"harbour"}


def test_a_model_that_there_is_not_and_a_folder_that_there_is_not_are_told(stage: Stage, tmp_path: Path) -> None:
    assert stage
    with pytest.raises(CommandError, match="no model nobody"):
        exported(tmp_path, "nobody")
    with pytest.raises(CommandError, match="cannot be written"):
        exported(tmp_path / "nowhere")


def test_engineers_and_officers_download_it_and_nobody_else(stage: Stage, tmp_path: Path) -> None:
    assert stage
    path = "/jobs/models/keeper/lineage.cdx.json"
    assert signed_in(account("engineer")).get("/jobs/copies/").link("Lineage of keeper") == path
    for role, status in (("engineer", 200), ("officer", 200), ("auditor", 403), ("administrator", 403)):
        response = signed_in(account(role)).client.get(path)
        assert response.status_code == status
        if status == 200:
            assert json.loads(response.content) == json.loads(exported(tmp_path))
            assert response["Content-Disposition"] == 'attachment; filename="keeper.cdx.json"'
    assert signed_in(account("engineer")).client.get("/jobs/models/nobody/lineage.cdx.json").status_code == 404
